use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tor_geoip::GeoipDb;

use crate::Country;

/// Largest file that is read: 64 MiB. Those of 2026 have 9 and 16. A larger one is refused, so that
/// a wrong path cannot fill the memory.
pub const MAX_FILE: u64 = 64 << 20;

/// The countries of IPv4 and IPv6 addresses.
///
/// Some 6 bytes for each range of IPv4 and 18 for each of IPv6.
#[derive(Clone)]
pub struct GeoIp {
    v4: GeoipDb,
    v6: GeoipDb,
}

/// Why countries cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GeoIpError {
    /// The file cannot be read, is not text, or is larger than [`MAX_FILE`].
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not in tor's format, or not in order.
    #[error("{} is no geoip file: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: tor_geoip::Error,
    },
}

impl GeoIp {
    /// Reads two files, one line a range in ascending order: `lowest,highest,CC` with IPv4 addresses
    /// as decimal numbers in the first, with IPv6 addresses in the second. `#` begins a comment,
    /// `??` means no country.
    ///
    /// Takes about a second with files of the whole world, so asynchronous programs call it where
    /// they may block.
    ///
    /// # Errors
    /// Names the file that cannot be used; nothing is kept of the other.
    pub fn read(v4: &Path, v6: &Path) -> Result<Self, GeoIpError> {
        let format = |path: &Path| {
            let path = path.to_owned();
            |source| GeoIpError::Format { path, source }
        };
        // One at a time, so that an error is that of one file.
        Ok(Self {
            v4: GeoipDb::new_from_legacy_format(&text(v4)?, "", false).map_err(format(v4))?,
            v6: GeoipDb::new_from_legacy_format("", &text(v6)?, false).map_err(format(v6))?,
        })
    }

    /// The country of an address; of an IPv4 address within IPv6 that of the IPv4 address.
    pub fn country(&self, ip: IpAddr) -> Country {
        let ip = ip.to_canonical();
        let database = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        database.lookup_country_code(ip).map_or(Country::UNKNOWN, Country::from)
    }
}

impl GeoIpError {
    /// The file that cannot be used.
    pub fn path(&self) -> &Path {
        match self {
            GeoIpError::File { path, .. } | GeoIpError::Format { path, .. } => path,
        }
    }
}

impl fmt::Debug for GeoIp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GeoIp").finish_non_exhaustive()
    }
}

fn text(path: &Path) -> Result<String, GeoIpError> {
    let read = || {
        let (mut file, mut text) = (File::open(path)?.take(MAX_FILE + 1), String::new());
        match file.read_to_string(&mut text)? as u64 {
            ..=MAX_FILE => Ok(text),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        }
    };
    read().map_err(|source| GeoIpError::File { path: path.to_owned(), source })
}
