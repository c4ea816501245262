//! The proxies: as many as wanted, one of them killed now and then, and a new one in its place.

use std::time::Duration;

use crate::{
    backbone::Peers,
    error::Error,
    flags::Help,
    place::Place,
    process::{Plan, Process},
    report::together,
    transfer::Direction,
    usage::{self, Usage},
};

/// Less CPU time than this, and a proxy did not carry half of a transfer.
const BUSY: Duration = Duration::from_millis(1);

/// The proxies of a run.
#[derive(Debug)]
pub struct Proxies {
    running: Vec<Process>,
    started: usize,
    flags: Vec<String>,
    /// What those that were killed had used.
    gone: Usage,
}

impl Proxies {
    /// Starts as many as the command line says.
    ///
    /// # Errors
    /// When one cannot be started.
    pub async fn start(place: &Place, peers: &Peers) -> Result<Self, Error> {
        let flags = flags(place, peers).await?;
        let mut proxies = Self { running: Vec::new(), started: 0, flags, gone: Usage::default() };
        for _ in 0..place.args.proxies {
            proxies.start_one(place)?;
        }
        Ok(proxies)
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.running.len()
    }

    /// The processes that run.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.running.iter_mut()
    }

    /// What all of them have used, the killed ones included.
    pub fn usage(&self) -> Usage {
        self.running.iter().filter_map(Process::usage).fold(self.gone, together)
    }

    /// CPU time of each so far, for [`Self::kill_busiest`] to compare with.
    pub fn cpu(&self) -> Vec<Duration> {
        self.running.iter().map(|proxy| usage::fine_cpu(proxy.pid()).unwrap_or_default()).collect()
    }

    /// Kills the one that used most CPU time since `before`, starts a new one, and returns the name of the killed.
    ///
    /// A proxy that carries bytes works for them; a waiting one sleeps in its poll. So this finds the carrier whoever wrote it.
    ///
    /// # Errors
    /// When none of them did any work, or the new one cannot be started.
    pub async fn kill_busiest(
        &mut self,
        place: &Place,
        before: &[Duration],
        direction: Direction,
    ) -> Result<String, Error> {
        let worked =
            self.cpu().into_iter().zip(before).map(|(now, before)| now.saturating_sub(*before));
        let busiest =
            worked.enumerate().filter(|(_, time)| *time >= BUSY).max_by_key(|(_, time)| *time);
        let Some((index, _)) = busiest else {
            return Err(Error::NoBusyProxy { direction: direction.name() });
        };
        let mut victim = self.running.remove(index);
        self.gone = together(self.gone, victim.usage().unwrap_or_default());
        victim.kill().await?;
        self.start_one(place)?;
        Ok(victim.name().to_owned())
    }

    fn start_one(&mut self, place: &Place) -> Result<(), Error> {
        self.started += 1;
        let name = format!("proxy {}", self.started);
        let mut plan = Plan::new(name, &place.programs.proxy).args(&self.flags);
        plan.env.extend(place.log_levels());
        self.running.push(plan.start(place.logs())?);
        Ok(())
    }
}

/// Flags for a network without TLS on private addresses. Some came late to the Go proxy: 2.5.1 does without them.
pub(crate) async fn flags(place: &Place, peers: &Peers) -> Result<Vec<String>, Error> {
    let help = Help::of("the proxy", &place.programs.proxy).await?;
    let (relay, pattern) = (peers.relay_url(), peers.relay_pattern());
    let mut flags: Vec<String> =
        ["-broker", &peers.broker, "-relay", &relay, "-stun", &peers.stun].map(String::from).into();
    flags.extend(["-allowed-relay-hostname-pattern", &pattern].map(String::from));
    flags.extend(["-keep-local-addresses", "-allow-non-tls-relay"].map(String::from));
    flags.extend(help.if_known("allow-proxying-to-private-addresses", None));
    flags.extend(help.if_known("nat-probe-server", Some(&peers.nat_probe)));
    if let Some(seconds) = place.args.poll_interval {
        flags.extend(["-poll-interval".into(), format!("{seconds}s")]);
    }
    flags.extend(place.args.debug.then(|| "-verbose".into()));
    flags.extend(place.unsafe_logging().map(String::from));
    Ok(flags)
}
