//! When to end: SIGTERM, or the end of stdin if tor says so, as one cancellation token.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! # let env = snowflake_pt::ClientEnv::parse([("", "")]).unwrap();
//! let exit = snowflake_pt::ExitWatch::new(env.exit_on_stdin_close)?;
//! exit.token().cancelled().await;
//! # Ok(())
//! # }
//! ```

use std::{
    io::{self, ErrorKind, Read},
    thread,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Watches for the end, from the moment it is made until it is dropped.
#[derive(Debug)]
pub struct ExitWatch {
    token: CancellationToken,
    sigterm: JoinHandle<()>,
}

impl ExitWatch {
    /// Catches SIGTERM from now on, and the end of stdin if `exit_on_stdin_close`, which is
    /// [`ClientEnv::exit_on_stdin_close`](crate::ClientEnv::exit_on_stdin_close).
    ///
    /// stdin is read, and thrown away, by a thread of its own that nobody waits for: it may block
    /// there until the process ends.
    ///
    /// # Errors
    ///
    /// The system has no signal handler or no thread to spare.
    pub fn new(exit_on_stdin_close: bool) -> io::Result<Self> {
        let token = CancellationToken::new();
        let mut terminated = signal(SignalKind::terminate())?;
        if exit_on_stdin_close {
            cancel_at_end(io::stdin(), token.clone())?;
        }
        let sigterm = tokio::spawn({
            let token = token.clone();
            async move {
                terminated.recv().await;
                tracing::info!("ending on SIGTERM");
                token.cancel();
            }
        });
        Ok(Self { token, sigterm })
    }

    /// Cancelled when it is time to end.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

impl Drop for ExitWatch {
    fn drop(&mut self) {
        self.sigterm.abort();
    }
}

/// Cancels `token` when `input` ends or fails.
fn cancel_at_end(
    mut input: impl Read + Send + 'static,
    token: CancellationToken,
) -> io::Result<()> {
    let watch = move || {
        let mut buffer = [0; 256];
        loop {
            match input.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        tracing::info!("ending because stdin was closed");
        token.cancel();
    };
    thread::Builder::new().name("stdin-watch".to_owned()).spawn(watch).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn the_end_of_input_cancels_and_input_does_not() {
        let (reader, mut writer) = io::pipe().unwrap();
        let token = CancellationToken::new();
        cancel_at_end(reader, token.clone()).unwrap();
        writer.write_all(&[0; 1000]).unwrap();
        assert!(!token.is_cancelled());
        drop(writer);
        token.cancelled().await;
    }

    #[tokio::test]
    async fn a_failing_input_cancels() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::Other.into())
            }
        }
        let token = CancellationToken::new();
        cancel_at_end(Broken, token.clone()).unwrap();
        token.cancelled().await;
    }
}
