//! The client's handle on a session.

use crate::core::{Shared, wake};
use crate::driver::{Driver, Role};
use crate::{Config, OpenError, Stream};
use snowflake_kcp::Kcp;
use snowflake_multiplex::Carriers;
use snowflake_smux::Smux;
use snowflake_turbotunnel::PacketConn;
use tokio::time::Instant;

/// Begins a session over `conn`: a handle to open streams with, and the driver to spawn.
///
/// KCP's conversation number is drawn at random. Must be called within a tokio runtime.
///
/// # Panics
///
/// If the operating system has no randomness to give.
pub fn open<P: PacketConn>(conn: P, config: &Config) -> (Session, Driver<P>) {
    let mut conv = [0; 4];
    getrandom::fill(&mut conv).expect("the operating system provides randomness");
    let now = Instant::now().into_std();
    let kcp = Kcp::new(u32::from_le_bytes(conv), config.kcp.clone(), now);
    let smux = Smux::new(snowflake_smux::Role::Client, config.smux.clone(), now);
    let shared = Shared::new(kcp, smux, Carriers::new(config.multiplex.clone()));
    let session = Session { shared: shared.acquire() };
    (session, Driver::new(shared, conn, Role::Client, Vec::new()))
}

/// A session that can open streams.
///
/// When the last handle and the last stream are dropped, the session delivers what was written, for at most
/// [`LINGER`](crate::LINGER), and ends.
#[derive(Debug)]
pub struct Session {
    shared: Shared,
}

impl Session {
    /// Opens a stream; the peer learns of it with the first packet that gets through.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the session is over, or has too many streams.
    pub fn open_stream(&self) -> Result<Stream, OpenError> {
        let (id, driver) = {
            let mut core = self.shared.lock();
            if let Some(end) = core.end {
                return Err(OpenError::SessionOver(end));
            }
            (core.smux.open()?, core.take_driver())
        };
        let stream = Stream::new(&self.shared, id);
        wake(driver);
        Ok(stream)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.release();
    }
}
