//! One tor of the private network.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use crate::{
    error::{Doing, Error},
    place::Place,
    process::{Plan, Process, find_in_path, run_helper},
};

/// Time for a tor that computes keys or a fingerprint.
const HELPER_LIMIT: Duration = Duration::from_secs(30);
/// Time to bootstrap: a consensus every 20 s, then a few seconds; a dead proxy on the way costs a Go client 30 s.
const BOOTSTRAP_LIMIT: Duration = Duration::from_secs(180);

/// Hex digits of a relay's fingerprint.
const FINGERPRINT_LEN: usize = 40;

/// Every tor of the private network. The owner's process id makes tor end when we do.
const COMMON: &str = "\
TestingTorNetwork 1
AssumeReachable 1
ShutdownWaitLength 0
PathsNeededToBuildCircuits 0.67
ClientRejectInternalAddresses 0
ExtendAllowPrivateAddresses 1
Log notice stdout
";

/// The installed programs of tor.
#[derive(Debug)]
pub struct Tor {
    tor: PathBuf,
    gencert: PathBuf,
}

impl Tor {
    /// Looks for `tor` and `tor-gencert`; Debian's package `tor` has both.
    ///
    /// # Errors
    /// When one is not installed.
    pub fn find() -> Result<Self, Error> {
        let missing = |missing| Error::Missing { what: "this machine".into(), missing };
        Ok(Self {
            tor: find_in_path("tor").ok_or_else(|| missing("tor (Debian: apt-get install tor)"))?,
            gencert: find_in_path("tor-gencert")
                .ok_or_else(|| missing("tor-gencert (part of tor)"))?,
        })
    }

    /// Writes the configuration of a tor: what all have in common, and `text`. Its data directory is new and has mode 0700.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn configure(&self, place: &Place, name: &str, text: &str) -> Result<PathBuf, Error> {
        let data = data_directory(place, name)?;
        let owner = std::process::id();
        let text = format!(
            "{COMMON}__OwningControllerProcess {owner}\nDataDirectory {}\n{text}",
            data.display()
        );
        place.file(&format!("{}.torrc", name.replace(' ', "-")), &text)
    }

    /// Starts a tor with a configuration that [`Self::configure`] wrote.
    ///
    /// # Errors
    /// When it cannot be executed.
    pub fn start(&self, place: &Place, name: &str, torrc: &Path) -> Result<Process, Error> {
        let args =
            ["--defaults-torrc".as_ref(), "/dev/null".as_ref(), "-f".as_ref(), torrc.as_os_str()];
        let mut plan = Plan::new(name, &self.tor).args(args);
        plan.env.extend(place.log_levels());
        plan.start(place.logs())
    }

    /// The fingerprint of the relay with this configuration; makes its keys.
    ///
    /// # Errors
    /// When tor refuses the configuration, or prints no fingerprint.
    pub async fn fingerprint(&self, torrc: &Path) -> Result<String, Error> {
        let mut command = Command::new(&self.tor);
        command
            .args(["--defaults-torrc", "/dev/null", "--list-fingerprint", "--quiet", "-f"])
            .arg(torrc);
        let output = run_helper(&mut command, Stdio::null(), HELPER_LIMIT).await?;
        // "Nickname 0123 4567 …"; before it there may be warnings.
        let hex = output
            .lines()
            .last()
            .and_then(|line| line.split_once(' '))
            .map(|(_, hex)| hex.replace(' ', ""));
        hex.filter(|hex| hex.len() == FINGERPRINT_LEN).ok_or_else(|| Error::Missing {
            what: "the output of tor --list-fingerprint".into(),
            missing: "fingerprint",
        })
    }

    /// Makes an authority's long-term keys in its data directory, and returns the fingerprint of its identity.
    ///
    /// # Errors
    /// When tor-gencert fails or its certificate has no fingerprint.
    pub async fn make_authority_keys(
        &self,
        place: &Place,
        name: &str,
        dir_address: &str,
    ) -> Result<String, Error> {
        let keys = data_directory(place, name)?.join("keys");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&keys)
            .doing("making a directory of keys")?;
        let passphrase = place.file("passphrase", "snow\n")?;
        let mut command = Command::new(&self.gencert);
        command.args([
            "--create-identity-key",
            "--passphrase-fd",
            "0",
            "-m",
            "12",
            "-a",
            dir_address,
        ]);
        command.arg("-i").arg(keys.join("authority_identity_key"));
        command.arg("-s").arg(keys.join("authority_signing_key"));
        let certificate = keys.join("authority_certificate");
        command.arg("-c").arg(&certificate);
        let stdin = File::open(passphrase).doing("opening the passphrase")?;
        run_helper(&mut command, stdin.into(), HELPER_LIMIT).await?;
        let text =
            std::fs::read_to_string(&certificate).doing("reading an authority's certificate")?;
        let fingerprint = text.lines().find_map(|line| line.strip_prefix("fingerprint "));
        let missing =
            || Error::Missing { what: "an authority's certificate".into(), missing: "fingerprint" };
        fingerprint.map(str::to_owned).ok_or_else(missing)
    }
}

/// Waits until a tor logs that it has bootstrapped.
///
/// # Errors
/// When it ends, or does not bootstrap within 180 s.
pub async fn bootstrapped(place: &Place, tor: &mut Process) -> Result<(), Error> {
    let log = place.logs().join(format!("{}.stdout", tor.name().replace(' ', "-")));
    let done =
        async || std::fs::read_to_string(&log).ok()?.contains("Bootstrapped 100%").then_some(());
    tor.wait_until("bootstrap", BOOTSTRAP_LIMIT, done).await
}

fn data_directory(place: &Place, name: &str) -> Result<PathBuf, Error> {
    let dir = place.directory("tor")?.join(name.replace(' ', "-"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .doing("making tor's data directory")?;
    Ok(dir)
}
