//! The three directory authorities, which are also the only relays and exits.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    error::{Doing, Error},
    http,
    place::Place,
    ports,
    process::Process,
    tor::node::Tor,
};

/// Three is the least that makes a circuit.
const NAMES: [&str; 3] = ["authority 1", "authority 2", "authority 3"];
/// A vote every 20 s; the first consensus is often short of a relay, the second is not.
const CONSENSUS_LIMIT: Duration = Duration::from_secs(120);

/// What makes a relay an authority with votes every 20 s, and an exit to everywhere. `accept *:*` because a narrower policy is
/// summed up as "reject" and no client would find an exit; the relays listen on loopback only, so nobody else can use them.
const AUTHORITY: &str = "\
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingMinExitFlagThreshold 0
TestingV3AuthInitialVotingInterval 20
TestingV3AuthInitialVoteDelay 4
TestingV3AuthInitialDistDelay 4
V3AuthVotingInterval 20
V3AuthVoteDelay 4
V3AuthDistDelay 4
V3AuthNIntervalsValid 2
ExitRelay 1
ExitPolicyRejectPrivate 0
ExitPolicy accept *:*
SocksPort 0
ContactInfo nobody@example.com
";

/// The authorities, running.
#[derive(Debug)]
pub struct Authorities {
    /// The `DirAuthority` lines that every tor of the network needs.
    pub lines: String,
    /// The processes.
    pub processes: Vec<Process>,
    directory: SocketAddr,
}

/// An authority with keys, not yet started.
struct Prepared {
    text: String,
    line: String,
}

impl Authorities {
    /// Makes keys and starts all three.
    ///
    /// # Errors
    /// When a key cannot be made or a tor not be started.
    pub async fn start(place: &Place, tor: &Tor) -> Result<Self, Error> {
        let addresses: [SocketAddr; 6] = ports::free().doing("finding free ports")?;
        let mut prepared = Vec::new();
        for (name, pair) in NAMES.iter().zip(addresses.chunks(2)) {
            prepared.push(prepare(place, tor, name, pair[0], pair[1]).await?);
        }
        let lines: String = prepared.iter().map(|authority| authority.line.as_str()).collect();
        let start = |(name, authority): (&&str, &Prepared)| {
            let torrc: PathBuf =
                tor.configure(place, name, &format!("{}{lines}", authority.text))?;
            tor.start(place, name, &torrc)
        };
        let processes = NAMES.iter().zip(&prepared).map(start).collect::<Result<_, _>>()?;
        Ok(Self { lines, processes, directory: addresses[1] })
    }

    /// Waits until there is a consensus in which all three are running exits.
    ///
    /// # Errors
    /// When there is none within 120 s, or the first authority ends.
    pub async fn wait_for_consensus(&mut self) -> Result<(), Error> {
        let directory = self.directory;
        let complete = async || {
            let consensus =
                http::get(directory, "/tor/status-vote/current/consensus").await.ok()?;
            (running_exits(&consensus) == NAMES.len()).then_some(())
        };
        self.processes[0]
            .wait_until("get a consensus with all three relays", CONSENSUS_LIMIT, complete)
            .await
    }
}

async fn prepare(
    place: &Place,
    tor: &Tor,
    name: &str,
    orport: SocketAddr,
    dirport: SocketAddr,
) -> Result<Prepared, Error> {
    let identity = tor.make_authority_keys(place, name, &dirport.to_string()).await?;
    let nickname = name.replace(' ', "");
    let text = format!(
        "Nickname {nickname}\nAddress 127.0.0.1\nORPort {orport}\nDirPort {dirport}\n{AUTHORITY}"
    );
    // tor wants some authority in the configuration of an authority, even to tell its fingerprint.
    let anyone = dir_authority(&nickname, orport, &identity, dirport, &"0".repeat(40));
    let fingerprint =
        tor.fingerprint(&tor.configure(place, name, &format!("{text}{anyone}"))?).await?;
    Ok(Prepared { line: dir_authority(&nickname, orport, &identity, dirport, &fingerprint), text })
}

fn dir_authority(
    name: &str,
    orport: SocketAddr,
    identity: &str,
    dirport: SocketAddr,
    fingerprint: &str,
) -> String {
    format!(
        "DirAuthority {name} orport={} no-v2 v3ident={identity} {dirport} {fingerprint}\n",
        orport.port()
    )
}

/// Relays whose flags (`s` lines, dir-spec.txt) have both words.
fn running_exits(consensus: &str) -> usize {
    let flags = consensus.lines().filter_map(|line| line.strip_prefix("s "));
    flags
        .filter(|flags| ["Exit", "Running"].iter().all(|flag| flags.split(' ').any(|f| f == *flag)))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_counted() {
        let consensus =
            "r a\ns Authority Exit Fast Running V2Dir\nr b\ns BadExit Running\nr c\ns Exit Valid\n";
        assert_eq!(running_exits(consensus), 1);
    }
}
