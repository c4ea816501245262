//! What tor's user is told, as LOG lines in the words of the Go client.

use crate::error::{AttemptError, Chain};
use snowflake_pt::PtLog;
use snowflake_safelog::scrubbed;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Different texts that are said once each; further ones are not said.
const SAID_ONCE: usize = 16;

/// Tells tor and the log what happens to a connection. Texts are free of addresses.
///
/// Clones are for the connections of one program.
#[derive(Clone, Debug, Default)]
pub struct Events {
    tor: Option<PtLog>,
    said: Arc<Mutex<BTreeSet<String>>>,
}

impl Events {
    /// Events for tor, and for the log.
    pub fn to_tor(log: PtLog) -> Self {
        Self { tor: Some(log), ..Self::default() }
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
        let whole = scrubbed(Chain(error));
        let why = error.in_gos_words().unwrap_or(&whole);
        // What Go does not say of it is for those who look closer.
        tracing::debug!("an attempt failed: {whole}");
        match error {
            AttemptError::Offer(_) => self.tell(format_args!("offer creation failure {why}")),
            AttemptError::NoMethod
            | AttemptError::Rendezvous(_)
            | AttemptError::Response(_)
            | AttemptError::Refused(_) => {
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

    /// Says this unless it was said before, by whichever connection.
    pub(crate) fn tell_once(&self, text: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = said.len() < SAID_ONCE && said.insert(text.clone());
        drop(said);
        if is_new {
            self.tell(text);
        }
    }

    fn tell(&self, text: impl fmt::Display) {
        let text = scrubbed(text);
        tracing::info!("{text}");
        if let Some(log) = &self.tor {
            log.notice(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_pt::Report;
    use snowflake_turbotunnel::CarrierEnd;
    use snowflake_webrtc::SetupError;
    use std::io::{Read, pipe};
    use std::time::Duration;

    #[test]
    fn the_texts_are_those_of_go() {
        let (mut reader, writer) = pipe().unwrap();
        let events = Events::to_tor(Report::new(writer).into_log().unwrap());
        events.offer_created();
        events.attempt_failed(&AttemptError::Offer(SetupError::Failed));
        events.attempt_failed(&AttemptError::Refused("in the broker's words".to_owned()));
        events.rendezvous_done();
        events.attempt_failed(&AttemptError::Open(SetupError::Timeout(Duration::from_secs(10))));
        events.connected();
        events.trying_a_new_proxy(CarrierEnd::Silent(Duration::from_secs(60)));
        events.trying_a_new_proxy("192.0.2.7:443 is gone");
        drop(events);
        let mut told = String::new();
        reader.read_to_string(&mut told).unwrap();
        let texts = told.lines().map(|line| {
            let text = line.strip_prefix("LOG SEVERITY=notice MESSAGE=\"").unwrap();
            text.strip_suffix('"').unwrap()
        });
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [
                "offer created",
                &format!("offer creation failure making an offer: {}", SetupError::Failed),
                "broker failure in the broker's words",
                "broker rendezvous peer received",
                "trying a new proxy: timeout waiting for DataChannel.OnOpen",
                "connected",
                "trying a new proxy: no messages received, closing stale connection",
                "trying a new proxy: [scrubbed] is gone",
            ]
        );
    }
}
