//! What files say, and which files are refused.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as loudly as the test")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use snowflake_geoip::{Country, GeoIp, MAX_FILE};
use tempfile::TempDir;

const V4: &str = "# Comments and empty lines do not count.\n\
    \n\
    16777216,16777471,AU\n\
    2170671104,2170671359,CA\n\
    3232235520,3232301055,??\n";

const V6: &str = "# 2001:db8::/32 has no country.\n\
    2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,??\n\
    2620:101:f000::,2620:101:f000:ffff:ffff:ffff:ffff:ffff,ca\n";

struct Files {
    folder: TempDir,
}

impl Files {
    fn new(v4: &str, v6: &str) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(files.v4(), v4).unwrap();
        fs::write(files.v6(), v6).unwrap();
        files
    }

    fn v4(&self) -> PathBuf {
        self.folder.path().join("geoip")
    }

    fn v6(&self) -> PathBuf {
        self.folder.path().join("geoip6")
    }

    fn read(&self) -> GeoIp {
        GeoIp::read(&self.v4(), &self.v6()).unwrap()
    }

    fn error(&self, about: &Path) -> String {
        let error = GeoIp::read(&self.v4(), &self.v6()).unwrap_err();
        assert_eq!(error.path(), about);
        error.to_string()
    }
}

#[test]
fn addresses_have_the_countries_of_their_ranges() {
    let countries = Files::new(V4, V6).read();
    for (address, country) in [
        ("1.0.0.0", "AU"),
        ("1.0.0.255", "AU"),
        ("0.255.255.255", "??"),
        ("1.0.1.0", "??"),
        ("129.97.208.23", "CA"),
        ("::ffff:129.97.208.23", "CA"),
        ("192.168.1.1", "??"),
        ("255.255.255.255", "??"),
        ("2620:101:f000::1", "CA"),
        ("2620:101:f001::", "??"),
        ("2001:db8::1", "??"),
        ("::", "??"),
    ] {
        let found = countries.country(address.parse().unwrap());
        assert_eq!(found.to_string(), country, "{address}");
        assert_eq!(found == Country::UNKNOWN, country == "??", "{address}");
    }
}

#[test]
fn files_without_ranges_know_no_country() {
    let countries = Files::new("", "# nothing\n").read();
    assert_eq!(countries.country([129, 97, 208, 23].into()), Country::UNKNOWN);
    assert_eq!(countries.country([0x2620; 8].into()), Country::default());
}

#[test]
fn a_file_that_is_missing_or_too_large_or_no_text_is_named() {
    let files = Files::new(V4, V6);
    fs::remove_file(files.v6()).unwrap();
    let error = files.error(&files.v6());
    assert!(error.contains("geoip6: No such file"), "{error}");

    let files = Files::new(V4, V6);
    File::create(files.v4()).unwrap().set_len(MAX_FILE + 1).unwrap();
    assert!(files.error(&files.v4()).contains("too large"));

    let files = Files::new(V4, V6);
    fs::write(files.v4(), [0xFF; 10]).unwrap();
    assert!(files.error(&files.v4()).contains("UTF-8"));
}

#[test]
fn a_file_in_another_format_is_named() {
    for bad in ["1,2", "1,2,CAN", "x,2,CA", "2,1,CA", "5,6,CA\n1,2,AU", "4294967296,4294967297,CA"]
    {
        let files = Files::new(bad, V6);
        let error = files.error(&files.v4());
        assert!(error.contains("geoip is no geoip file: "), "{bad}: {error}");
    }
    for bad in ["::1,::2", "1,2,CA", "::2,::1,CA"] {
        let files = Files::new(V4, bad);
        assert!(files.error(&files.v6()).contains("geoip6 is no geoip file: "), "{bad}");
    }
}
