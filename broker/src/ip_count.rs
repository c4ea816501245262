//! Counting different addresses for longer than a day, in files that remember none of them.
//!
//! Each chunk of a file is a [`Sketch`] of the addresses of one kind of proxies, masked under a key that is drawn when the
//! broker starts and never leaves it. `snowflake-distinctcounter` counts over chunks of one file. Files, names and masks
//! are those of the Go broker's `-ip-count-prefix`.

use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use sha3::Sha3_256;
use snowflake_distinct::{Chunk, Sketch};
use snowflake_messages::{NatType, ProxyType};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::warn;

/// The kinds of proxies that are told apart, each with a file: by how they run, and by NAT.
const KINDS: [&str; 7] =
    ["standalone", "browser", "mobile", "unknown", "open", "moderate", "strict"];

/// Which addresses proxies have, one file for each kind.
///
/// Bounded: each kind costs at most some 400 KiB of memory, and its file grows by at most 370 KiB for each interval; as
/// long as it has few addresses, by some five bytes for each.
#[derive(Debug)]
pub struct IpCount {
    mask: Hmac<Sha3_256>,
    interval: Duration,
    files: [File; KINDS.len()],
    current: Mutex<Current>,
}

/// What was counted since the last chunks.
#[derive(Debug)]
struct Current {
    start: OffsetDateTime,
    sketches: [Sketch; KINDS.len()],
}

impl IpCount {
    /// Makes the files `PREFIX-KIND-DATE.log` for counting from `start` on, to have a chunk written to each per interval,
    /// which must not be zero.
    ///
    /// # Errors
    /// What the system says about the files, or about random numbers for the key.
    pub fn create(prefix: &Path, interval: Duration, start: SystemTime) -> io::Result<Self> {
        let start = OffsetDateTime::from(start);
        // Go's time.RFC3339 has whole seconds.
        let seconds = start.replace_nanosecond(0).unwrap_or(start);
        let date = seconds.format(&Rfc3339).map_err(io::Error::other)?;
        let mut files = Vec::new();
        for kind in KINDS {
            let mut name = prefix.as_os_str().to_owned();
            name.push(format!("-{kind}-{date}.log"));
            files.push(File::create(name)?);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self {
            mask: Hmac::new_from_slice(&key).map_err(io::Error::other)?,
            interval,
            files: files.try_into().map_err(|_| io::ErrorKind::Other)?,
            current: Mutex::new(Current { start, sketches: Default::default() }),
        })
    }

    /// Counts the address of a proxy of this type behind this NAT.
    pub(crate) fn count(&self, address: IpAddr, proxy_type: ProxyType, nat: NatType) {
        let hash = self.masked(address);
        let mut current = self.lock();
        current.sketches[of_type(proxy_type)].add(hash);
        current.sketches[of_nat(nat)].add(hash);
    }

    /// Writes chunks, for ever.
    pub(crate) async fn keep(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(self.interval).await;
            self.write_chunks().await;
        }
    }

    /// Writes a chunk for each kind. The first that cannot be written ends it; what is not written goes into the next
    /// chunks, whose start is then that of the lost ones.
    pub(crate) async fn write_chunks(self: &Arc<Self>) {
        let count = Arc::clone(self);
        let writing = tokio::task::spawn_blocking(move || count.write_until(now()));
        match writing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(%error, "cannot write how many addresses there were; the next chunks will tell");
            }
            Err(error) => warn!(%error, "cannot write how many addresses there were"),
        }
    }

    fn write_until(&self, end: SystemTime) -> io::Result<()> {
        let end = OffsetDateTime::from(end);
        let next = Current { start: end, sketches: Default::default() };
        let Current { start, sketches } = std::mem::replace(&mut *self.lock(), next);
        for (index, sketch) in sketches.iter().enumerate() {
            let written = Chunk { start, end, sketch: sketch.clone() }
                .to_line()
                .map_err(io::Error::other)
                .and_then(|line| write(&self.files[index], &line));
            if let Err(error) = written {
                self.give_back(start, &sketches, index);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Counts once more what was not written: this kind and those after it.
    fn give_back(&self, start: OffsetDateTime, sketches: &[Sketch], from: usize) {
        let mut current = self.lock();
        current.start = start;
        let unwritten = current.sketches.iter_mut().zip(sketches).skip(from);
        unwritten.for_each(|(sketch, lost)| sketch.merge(lost));
    }

    /// 64 bits of HMAC-SHA3-256 of the address as text.
    fn masked(&self, address: IpAddr) -> u64 {
        let mut mask = self.mask.clone();
        mask.update(address.to_string().as_bytes());
        let masked = mask.finalize().into_bytes();
        masked.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kind of a proxy by how it runs.
fn of_type(proxy_type: ProxyType) -> usize {
    match proxy_type {
        ProxyType::Standalone => 0,
        ProxyType::Webext | ProxyType::Badge => 1,
        ProxyType::IptProxy | ProxyType::Bloco => 2,
        ProxyType::Unknown => 3,
    }
}

/// The kind of a proxy by the pool in which its NAT puts it.
fn of_nat(nat: NatType) -> usize {
    match nat {
        NatType::Open | NatType::Unrestricted => 4,
        NatType::Moderate => 5,
        NatType::Strict | NatType::Restricted | NatType::Unknown => 6,
    }
}

/// Appends a line, or nothing of it: half a line would spoil the next one, too.
fn write(mut file: &File, line: &str) -> io::Result<()> {
    let before = file.metadata()?.len();
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        file.set_len(before)?;
    }
    written
}

#[expect(clippy::disallowed_methods, reason = "chunks are dated")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const INTERVAL: Duration = Duration::from_secs(3600);

    fn count(folder: &Path) -> IpCount {
        let start = UNIX_EPOCH + Duration::from_millis(1500);
        IpCount::create(&folder.join("ips"), INTERVAL, start).unwrap()
    }

    fn chunks(folder: &Path, kind: &str) -> Vec<Chunk> {
        let file = folder.join(format!("ips-{kind}-1970-01-01T00:00:01Z.log"));
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().map(|line| Chunk::from_line(line).unwrap()).collect()
    }

    fn counts(folder: &Path, kind: &str) -> Vec<u64> {
        chunks(folder, kind).iter().map(|chunk| chunk.sketch.count()).collect()
    }

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn every_kind_has_its_file_and_every_interval_its_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let count = count(folder.path());
        for number in 0..10 {
            count.count(address(number), ProxyType::Badge, NatType::Open);
            count.count(address(number / 2), ProxyType::Webext, NatType::Unknown);
        }
        count.write_until(UNIX_EPOCH + INTERVAL).unwrap();
        count.count(address(1), ProxyType::Webext, NatType::Unknown);
        count.write_until(UNIX_EPOCH + 2 * INTERVAL).unwrap();
        for (kind, expected) in [
            ("browser", [10, 1]),
            ("standalone", [0, 0]),
            ("mobile", [0, 0]),
            ("unknown", [0, 0]),
            ("open", [10, 0]),
            ("moderate", [0, 0]),
            ("strict", [5, 1]),
        ] {
            assert_eq!(counts(folder.path(), kind), expected, "{kind}");
        }
        let [first, second] = &chunks(folder.path(), "strict")[..] else { panic!("two") };
        assert_eq!(first.end, second.start);
        let mut both = first.sketch.clone();
        both.merge(&second.sketch);
        assert_eq!(both.count(), 5, "masked alike in every chunk");
    }

    #[test]
    fn what_cannot_be_written_waits_for_the_next_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let mut count = count(folder.path());
        count.count(address(1), ProxyType::Standalone, NatType::Strict);
        let readable =
            File::open(folder.path().join("ips-strict-1970-01-01T00:00:01Z.log")).unwrap();
        let writable = std::mem::replace(&mut count.files[6], readable);
        count.write_until(UNIX_EPOCH + INTERVAL).unwrap_err();
        count.files[6] = writable;
        count.count(address(2), ProxyType::Standalone, NatType::Strict);
        count.write_until(UNIX_EPOCH + 2 * INTERVAL).unwrap();
        assert_eq!(counts(folder.path(), "standalone"), [1, 1]);
        assert_eq!(counts(folder.path(), "strict"), [2]);
    }

    #[test]
    fn addresses_are_masked_as_gos_are_under_a_key_of_this_run() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, other) = (count(folder.path()), count(folder.path()));
        assert_ne!(one.masked(address(1)), other.masked(address(1)));
        // By Python's hmac and hashlib.
        one.mask = Hmac::new_from_slice(&std::array::from_fn::<u8, 32, _>(|n| n as u8)).unwrap();
        assert_eq!(one.masked(address(1)), 0x4c22_2937_8489_5cf9);
        assert_eq!(one.masked("2001:db8::1".parse().unwrap()), 0x1f98_b014_41f8_3c6f);
    }

    #[tokio::test(start_paused = true)]
    async fn chunks_are_written_each_interval() {
        let folder = tempfile::tempdir().unwrap();
        let count = Arc::new(count(folder.path()));
        count.count(address(1), ProxyType::Standalone, NatType::Open);
        assert!(tokio::time::timeout(INTERVAL / 2, count.keep()).await.is_err());
        assert_eq!(counts(folder.path(), "open"), [0; 0]);
        let mut keeping = std::pin::pin!(count.keep());
        while counts(folder.path(), "strict").len() < 2 {
            let _ = tokio::time::timeout(INTERVAL / 2, keeping.as_mut()).await;
        }
        assert_eq!(counts(folder.path(), "open"), [1, 0]);
    }
}
