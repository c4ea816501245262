//! What tor's user is told, as LOG lines in the words of the Go client.

use crate::error::{AttemptError, Chain};
use snowflake_pt::PtLog;
use snowflake_safelog::scrubbed;
use std::fmt;

/// Tells tor and the log what happens to a connection. Texts are free of addresses.
#[derive(Clone, Debug, Default)]
pub struct Events(Option<PtLog>);

impl Events {
    /// Events for tor, and for the log.
    pub fn to_tor(log: PtLog) -> Self {
        Self(Some(log))
    }

    pub(crate) fn offer_created(&self) {
        self.tell("offer created");
    }

    pub(crate) fn rendezvous_done(&self) {
        self.tell("broker rendezvous peer received");
    }

    pub(crate) fn connected(&self) {
        self.tell("connected");
    }

    /// An attempt failed before there was a data channel.
    pub(crate) fn attempt_failed(&self, error: &AttemptError) {
        let why = Chain(error);
        match error {
            AttemptError::Offer(_) => self.tell(format_args!("offer creation failure {why}")),
            AttemptError::Exchange(_) | AttemptError::Response(_) | AttemptError::Refused(_) => {
                self.tell(format_args!("broker failure {why}"));
            }
            AttemptError::Answer(_)
            | AttemptError::NotAnAnswer
            | AttemptError::Open(_)
            | AttemptError::Preamble(_) => {
                self.trying_a_new_proxy(why);
            }
        }
    }

    /// A data channel did not open or has ended.
    pub(crate) fn trying_a_new_proxy(&self, why: impl fmt::Display) {
        self.tell(format_args!("trying a new proxy: {why}"));
    }

    fn tell(&self, text: impl fmt::Display) {
        let text = scrubbed(text);
        tracing::info!("{text}");
        if let Some(log) = &self.0 {
            log.notice(text);
        }
    }
}
