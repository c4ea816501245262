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

fn try_raise() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        for _ in 0..2 {
            raise_limit();
            let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            assert_eq!(soft, hard);
        }
    }
}
