//! How many connections the system lets us have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files as far as an ordinary user may, as Go programs do by themselves.
///
/// The usual 1024 are for programs that wait with `select`. Each user costs a server two files, a
/// broker one and a proxy up to ten. Where it cannot be raised, that is logged and the old limit
/// stays.
pub fn raise_limit() {
    if let Err(error) = try_raise() {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
}

/// Does what [`raise_limit`] does, and warns if `needed` files are still more than may be open.
///
/// A program that has as many connections as it may needs that many files. With fewer it goes on, and accepts no more
/// connections when they run out.
pub fn raise_limit_for(needed: u64) {
    raise_limit();
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    if limit < needed {
        tracing::warn!(
            "{limit} files may be open at one time, and {needed} are needed for as many connections as there may be: \
             set LimitNOFILE={needed} in the unit of the service (in tor's, if tor starts this program)"
        );
    }
}

fn try_raise() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use tracing::subscriber::with_default;

    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        for _ in 0..2 {
            raise_limit();
            let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            assert_eq!(soft, hard);
        }
    }

    /// What the warning says.
    fn said(needed: u64) -> String {
        #[derive(Clone, Default)]
        struct Log(Arc<Mutex<Vec<u8>>>);

        impl Write for Log {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        with_default(subscriber, || raise_limit_for(needed));
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn too_low_a_limit_is_told_with_the_number_to_set() {
        raise_limit();
        let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(said(limit), "");
        let (text, needed) = (said(limit + 1), limit + 1);
        assert!(text.contains(&format!("{limit} files may be open")), "{text}");
        assert!(text.contains(&format!("set LimitNOFILE={needed} in the unit")), "{text}");
    }
}
