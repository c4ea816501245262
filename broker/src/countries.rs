//! The countries of addresses, and the files that they come from.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use snowflake_geoip::{Country, GeoIp, GeoIpError};
use tracing::{info, warn};

/// Countries by address, read from files and read again on request.
#[derive(Debug)]
pub struct Countries {
    v4: PathBuf,
    v6: PathBuf,
    current: RwLock<Arc<GeoIp>>,
}

impl Countries {
    /// Reads the files of IPv4 and IPv6 addresses.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn read(v4: PathBuf, v6: PathBuf) -> Result<Self, GeoIpError> {
        let current = RwLock::new(Arc::new(GeoIp::read(&v4, &v6)?));
        Ok(Self { v4, v6, current })
    }

    /// The country of an address.
    pub(crate) fn of(&self, ip: IpAddr) -> Country {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        current.country(ip)
    }

    /// Reads the files again. If one is bad, what was read before stays. Blocks; look-ups go on
    /// meanwhile.
    pub(crate) fn reload(&self) {
        match GeoIp::read(&self.v4, &self.v6) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                info!(v4 = %self.v4.display(), v6 = %self.v6.display(), "reloaded");
            }
            Err(error) => warn!(%error, "not reloaded; what was read before stays"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_brings_new_countries_and_a_bad_one_none() {
        let folder = tempfile::tempdir().unwrap();
        let (v4, v6) = (folder.path().join("geoip"), folder.path().join("geoip6"));
        std::fs::write(&v4, "2170671104,2170671359,CA\n").unwrap();
        std::fs::write(&v6, "").unwrap();
        let countries = Countries::read(v4.clone(), v6.clone()).unwrap();
        let country = || countries.of([129, 97, 208, 23].into()).to_string();
        assert_eq!(country(), "CA");
        std::fs::write(&v4, "2170671104,2170671359,AU\n").unwrap();
        assert_eq!(country(), "CA", "not before it is asked for");
        countries.reload();
        assert_eq!(country(), "AU");
        for (path, text) in [(&v4, "nonsense"), (&v6, "1,2,CA")] {
            std::fs::write(path, text).unwrap();
            countries.reload();
            assert_eq!(country(), "AU", "{text}");
        }
    }
}
