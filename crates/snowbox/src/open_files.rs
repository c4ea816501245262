//! How many connections this program and its children may have.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::{Doing, Error};

/// Raises the limit of open files as far as it goes, for ourselves and for programs that we start from now on. Beyond the
/// hard limit only some may go, root in a container often not.
///
/// # Errors
/// [`Error::TooFewFiles`] if it stays below `needed`.
pub fn allow(needed: u64) -> Result<(), Error> {
    let limit = raise(needed).map_err(io::Error::from).doing("raising the limit of open files")?;
    if limit < needed { Err(Error::TooFewFiles { needed, limit }) } else { Ok(()) }
}

/// Returns the new limit.
fn raise(needed: u64) -> nix::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if needed > hard && setrlimit(Resource::RLIMIT_NOFILE, needed, needed).is_ok() {
        return Ok(needed);
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_that_is_needed_is_named() {
        allow(1).unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(soft, hard);
        // More than any kernel allows anybody (fs.nr_open).
        let message = allow(u64::MAX / 2).unwrap_err().to_string();
        assert!(message.contains(&(u64::MAX / 2).to_string()), "{message}");
        assert!(message.contains(&hard.to_string()), "{message}");
    }
}
