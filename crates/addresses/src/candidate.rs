//! [`Candidate`]: one `a=candidate` line (RFC 8839, section 5.1).

use std::net::IpAddr;

use crate::is_remote;

/// A candidate, its fields in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// At least eight: foundation, component, transport, priority, address, port, `typ` and the kind; then extensions,
    /// each a name and a value. A change must leave the eight.
    pub fields: Vec<&'a str>,
}

impl<'a> Candidate<'a> {
    /// Reads a line of a description; `None` if it is no candidate or lacks a field.
    pub fn parse(line: &'a str) -> Option<Self> {
        let value = line.trim_end().strip_prefix("a=candidate:")?;
        let fields: Vec<&str> = value.split_ascii_whitespace().collect();
        (fields.len() >= 8 && fields[6] == "typ").then_some(Self { fields })
    }

    /// 1 for what data channels use.
    pub fn component(&self) -> &'a str {
        self.fields[1]
    }

    /// `udp` or `tcp`, in any case.
    pub fn transport(&self) -> &'a str {
        self.fields[2]
    }

    /// `None` if it names a host instead, as browsers do.
    pub fn address(&self) -> Option<IpAddr> {
        self.fields[4].parse().ok()
    }

    /// `None` if it is no port.
    pub fn port(&self) -> Option<u16> {
        self.fields[5].parse().ok()
    }

    /// `host`, `srflx`, `prflx` or `relay`.
    pub fn kind(&self) -> &'a str {
        self.fields[7]
    }

    /// Whether it is a host candidate whose address means nothing outside its own network.
    pub fn is_local_host(&self) -> bool {
        self.kind() == "host" && self.address().is_some_and(|ip| !is_remote(ip))
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        format!("a=candidate:{}\r\n", self.fields.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::Candidate;

    #[test]
    fn a_line_is_taken_apart_and_put_together() {
        let line = "a=candidate:1 1 udp 2130706431 192.168.1.2 50000 typ host generation 0\r\n";
        let candidate = Candidate::parse(line).unwrap();
        assert_eq!((candidate.component(), candidate.transport()), ("1", "udp"));
        assert_eq!(candidate.address(), Some([192, 168, 1, 2].into()));
        assert_eq!((candidate.port(), candidate.kind()), (Some(50000), "host"));
        assert!(candidate.is_local_host());
        assert_eq!(candidate.to_line(), line);
    }

    #[test]
    fn what_lacks_a_field_is_no_candidate() {
        for line in [
            "candidate:1 1 udp 1 192.0.2.1 1 typ host",
            "a=candidate:1 1 udp 1 192.0.2.1 1 typ",
            "a=candidate:1 1 udp 1 192.0.2.1 typ host x",
            "a=candidate:not a candidate",
            "a=end-of-candidates",
        ] {
            assert_eq!(Candidate::parse(line), None, "{line}");
        }
        let named = Candidate::parse("a=candidate:1 1 udp 1 name.local x typ host").unwrap();
        assert_eq!((named.address(), named.port(), named.is_local_host()), (None, None, false));
    }
}
