//! A running network, whoever started it: where to go in, and what each program uses.

use std::{collections::BTreeMap, time::Duration};

use tokio::task::JoinSet;

use crate::{
    backbone::Backbone,
    between::Between,
    error::Error,
    origin::Origin,
    orport::OrPort,
    process::Process,
    socks::Route,
    transfer::Direction,
    usage::{self, Usage},
};

/// Everything that runs; dropping it ends everything.
#[derive(Debug)]
pub struct Network {
    /// Broker and proxies.
    pub backbone: Backbone,
    /// The way through.
    pub route: Route,
    /// What is at its end.
    pub origin: Origin,
    /// Which transfers are possible.
    pub directions: &'static [Direction],
    /// The longest time that a transfer may stand still.
    pub patience: Duration,
    /// Every other program that shall be in the table: its name and process id.
    pub watched: Vec<(String, u32)>,
    /// The children that have to live.
    pub children: Vec<Process>,
    /// The Extended ORPort, where tor does not have it.
    pub orport: Option<OrPort>,
    /// What stands between client and broker.
    pub between: Between,
    /// Listeners of our own.
    pub tasks: JoinSet<()>,
}

/// What each program has used, by its name.
pub type UsageTable = BTreeMap<String, Usage>;

impl Network {
    /// What each program has used so far.
    pub fn usage(&self) -> UsageTable {
        let mut table: UsageTable = self
            .watched
            .iter()
            .filter_map(|(name, pid)| Some((name.clone(), usage::of(*pid)?)))
            .collect();
        table.insert("proxies".into(), self.backbone.proxies.usage());
        table
    }

    /// Waits until a program ends that should not; at most a second later.
    pub async fn first_to_end(&mut self) -> Error {
        loop {
            let broker = std::iter::once(&mut self.backbone.broker.process);
            let all = broker.chain(self.backbone.proxies.processes()).chain(&mut self.children);
            for process in all {
                if let Some(error) = process.has_ended("be told to") {
                    return error;
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
