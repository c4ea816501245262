//! What tor's user is told of events: LOG lines in the words of the Go client.

use crate::Event;
use snowflake_pt::{PtLog, Severity};

/// Tells tor, which does not have to listen.
pub(crate) fn tell(tor: &PtLog, event: &Event) {
    match event {
        // Go's client has no line for it.
        Event::Connecting { .. } => {}
        Event::Missed(_) => tracing::debug!("tor was told too late: {event}"),
        Event::RendezvousOnly => tor.log(Severity::Warning, event),
        _ => tor.notice(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_pt::Report;
    use std::io::{Read, pipe};

    #[test]
    fn events_are_notices_and_what_goes_around_the_proxy_is_a_warning() {
        let (mut reader, writer) = pipe().unwrap();
        let tor = Report::new(writer).into_log().unwrap();
        for event in [
            Event::Connecting { proxies: 0, wanted: 1 },
            Event::OfferCreated,
            Event::Missed(3),
            Event::RendezvousOnly,
            Event::ProxyLost("gone".into()),
        ] {
            tell(&tor, &event);
        }
        drop(tor);
        let mut lines = String::new();
        reader.read_to_string(&mut lines).unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        let warning =
            "LOG SEVERITY=warning MESSAGE=\"the upstream proxy is used for the rendezvous only: ";
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[0], "LOG SEVERITY=notice MESSAGE=\"offer created\"");
        assert!(lines[1].starts_with(warning), "{lines:?}");
        assert_eq!(lines[2], "LOG SEVERITY=notice MESSAGE=\"trying a new proxy: gone\"");
    }
}
