//! One client and some proxies, and streams through them.

use std::{collections::BTreeMap, io, time::Duration};

use clap::Args;
use tokio::net::TcpStream;

use crate::{
    args::Args as AllArgs,
    crowd::{hello, those_who_come},
    error::Error,
    loopback,
    network::Network,
    open_files,
    origin::{Answering, Origin},
    place::Place,
    run::leave,
    scenario::Runs,
    usage::{self, Activity, Footprint},
};

/// Descriptors for each session in the client, which needs most: the SOCKS connection and some UDP sockets.
const FILES: u64 = 12;
/// And those besides.
const OTHER_FILES: u64 = 64;

/// Seconds between two polls of a proxy: the least that Go's and ours take.
const POLL_INTERVAL: u16 = 2;

/// What both questions have in common.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Sessions that are set up at the same time.
    ///
    /// Proxies ask for one client at a time, here all of them at the same moment. A client that comes when none asks comes
    /// back later and later, so that with several at once one may find none for a minute.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    at_once: u16,
    /// How often.
    #[command(flatten)]
    pub(super) runs: Runs,
}

/// The programs that are watched, by name: one, or all the proxies.
pub(super) type Watched<T> = BTreeMap<&'static str, Vec<T>>;

/// The running chain, with a far end that sends at least the first byte back.
pub(super) struct Chain {
    network: Network,
    at_once: usize,
}

/// Does `work` with a chain of its own for so many sessions.
pub(super) async fn with<T>(
    place: &Place,
    common: &Common,
    (proxies, sessions): (u8, u16),
    far_end: impl Fn(TcpStream) -> Answering + Send + Sync + 'static,
    work: impl AsyncFnOnce(&mut Chain) -> Result<T, Error>,
) -> Result<T, Error> {
    open_files::allow(FILES * u64::from(sessions) + OTHER_FILES)?;
    let poll_interval = place.args.poll_interval.or(Some(POLL_INTERVAL));
    let args = AllArgs { proxies, max: 1, poll_interval, ..place.args.clone() };
    let place = Place::new(args, place.programs.clone())?;
    let all = async {
        let network =
            loopback::start_for(&place, sessions.into(), Origin::default(), far_end).await?;
        let mut chain = Chain { network, at_once: common.at_once.into() };
        chain.network.backbone.proxies_ready().await?;
        work(&mut chain).await
    };
    let outcome = all.await;
    leave(place, &outcome).await;
    outcome
}

impl Chain {
    /// Opens so many sessions; from each a byte has been to the far end and back. Those that fail are missing.
    pub(super) async fn open(&self, sessions: u16) -> Vec<TcpStream> {
        let come = (0..sessions).map(|_| {
            let route = self.network.route.clone();
            async move {
                let mut stream = route.connect().await.map_err(io::Error::other)?;
                hello(&mut stream).await?;
                Ok(stream)
            }
        });
        those_who_come(self.at_once, come).await
    }

    /// Sessions that are set up, or asked, at the same time.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// What each program holds now.
    pub(super) fn footprints(&mut self) -> Result<Watched<Footprint>, Error> {
        self.ask(usage::footprint)
    }

    /// What each program has done so far.
    pub(super) fn activities(&mut self) -> Result<Watched<Activity>, Error> {
        self.ask(usage::activity)
    }

    fn ask<T>(&mut self, question: impl Fn(u32) -> Option<T>) -> Result<Watched<T>, Error> {
        let missing = |program: &str| Error::Missing {
            what: program.to_owned(),
            missing: "figures in /proc",
        };
        let answer = |name, pid| question(pid).ok_or_else(|| missing(name));
        let of_child = |name: &'static str| {
            let child = self.network.watched.iter().find(|(child, _)| child == name);
            let (_, pid) = child.ok_or_else(|| missing(name))?;
            Ok((name, vec![answer(name, *pid)?]))
        };
        let mut all: Watched<T> =
            ["client", "server"].map(of_child).into_iter().collect::<Result<_, Error>>()?;
        let proxies = self.network.backbone.proxies.processes();
        let proxies: Result<_, Error> = proxies.map(|proxy| answer("proxy", proxy.pid())).collect();
        all.insert("proxy", proxies?);
        Ok(all)
    }
}

/// CPU time and context switches of all processes of a program.
pub(super) fn spent(before: &[Activity], after: &[Activity]) -> (Duration, u64) {
    let each = after.iter().zip(before).map(|(after, before)| after.since(before));
    each.fold((Duration::ZERO, 0), |(cpu, switches), (c, s)| (cpu + c, switches + s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_proxies_spend_is_added() {
        let activity = |ms, switches| Activity {
            cpu: Duration::from_millis(ms),
            switches: BTreeMap::from([(1, switches)]),
        };
        let before = [activity(10, 100), activity(0, 7)];
        let after = [activity(30, 150), activity(40, 8)];
        assert_eq!(spent(&before, &after), (Duration::from_millis(60), 51));
    }
}
