//! What the flags say, looked at before tor is told that we are there.

use crate::{Args, ConfigError, Method, Reason};
use snowflake_cli::UsageError;
use snowflake_sqs::{Credentials, CredentialsError, Region};
use snowflake_webrtc::{IceServer, IceServerError};
use url::Url;

/// Stands for the broker while a front is looked at.
const SOME_BROKER: &str = "https://broker.invalid/";

impl Args {
    /// Looks at the values that every connection takes over unless its bridge line has others.
    ///
    /// What is wrong there would turn away one connection of tor after the other, with the reason in a log that by default
    /// goes nowhere. What is missing may still stand in a bridge line.
    ///
    /// # Errors
    ///
    /// The first flag whose value cannot be used.
    pub fn check(&self) -> Result<(), UsageError> {
        if !self.url.is_empty() {
            let method = Method::http(&self.url, &[]);
            method.map_err(|error| bad("url", &self.url, reason(error)))?;
        }
        if !self.ampcache.is_empty() {
            let method = Method::amp_cache(SOME_BROKER, &self.ampcache, &[]);
            method.map_err(|error| bad("ampcache", &self.ampcache, reason(error)))?;
        }
        if !self.sqsqueue.is_empty() {
            if !self.url.is_empty() || !self.ampcache.is_empty() {
                let reason = "beside -url or -ampcache: give one of them".to_owned();
                return Err(bad("sqsqueue", &self.sqsqueue, reason));
            }
            queue(&self.sqsqueue).map_err(|reason| bad("sqsqueue", &self.sqsqueue, reason))?;
        }
        if !self.sqscreds.is_empty() {
            let key: Result<Credentials, CredentialsError> = self.sqscreds.parse();
            // Not the value: it is a secret.
            key.map_err(|error| bad("sqscreds", "...", error.to_string()))?;
        }
        for (flag, fronts) in [("front", &self.front), ("fronts", &self.fronts)] {
            for front in fronts.iter() {
                let method = Method::http(SOME_BROKER, &[front.as_str()]);
                method.map_err(|error| bad(flag, front, reason(error)))?;
            }
        }
        for server in self.ice.iter() {
            let parsed: Result<IceServer, IceServerError> = server.parse();
            parsed.map_err(|error| bad("ice", server, error.to_string()))?;
        }
        Ok(())
    }
}

/// What is wrong, without what is said of the flag in any case.
fn reason(error: ConfigError) -> String {
    match error.reason {
        Reason::Url(error) => error.to_string(),
        reason => reason.to_string(),
    }
}

/// Whether there could be a queue at `url`.
fn queue(url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    Region::of_queue(&url).map(drop).map_err(|error| error.to_string())
}

fn bad(flag: &str, value: &str, reason: String) -> UsageError {
    UsageError::BadValue { flag: flag.to_owned(), value: value.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_cli::{Program, parse_from};

    fn check(flags: &[&str]) -> Result<(), UsageError> {
        let program = Program { name: "snowflake-client", version: "0" };
        parse_from::<Args>(program, flags).expect("flags that there are").check()
    }

    #[test]
    fn what_torrc_files_have_is_good() {
        for flags in [
            &[][..],
            &["-url=", "-fronts=", "-front=", "-ice="],
            &["-url", "https://1098762253.rsc.cdn77.org/", "-fronts=www.cdn77.com,a.example:8443"],
            &["-url", "http://localhost:8080/", "-front", "www.example.com", "-max=-1"],
            &["-ice", "stun:a.example:3478,turn:t.example,stuns:s.example"],
            &["-ampcache", "https://cdn.ampproject.org/", "-sqsqueue=", "-sqscreds="],
            &["-sqsqueue", "https://sqs.us-east-1.amazonaws.com/893902434899/snowflake-broker"],
        ] {
            assert_eq!(check(flags), Ok(()), "{flags:?}");
        }
    }

    #[test]
    fn bad_values_are_named_with_flag_and_reason() {
        for (flag, value, at_fault, reason) in [
            ("url", "b.example", "b.example", "relative URL without a base"),
            ("url", "ftp://b.example/", "ftp://b.example/", "the URL must be http or https"),
            ("ampcache", "nonsense", "nonsense", "relative URL without a base"),
            ("sqsqueue", "queue", "queue", "relative URL without a base"),
            (
                "sqscreds",
                "bm90aGluZw==",
                "...",
                "no JSON with aws-access-key-id and aws-secret-key in it",
            ),
            ("front", "a/b", "a/b", "front \"a/b\" is not a host name"),
            ("fronts", "a.example,b c", "b c", "front \"b c\" is not a host name"),
            (
                "ice",
                "stun:a.example,google.com",
                "google.com",
                "an ICE server begins with stun:, stuns:, turn: or turns:",
            ),
            ("ice", "stun:", "stun:", "an ICE server needs a host"),
        ] {
            let error = check(&[&format!("-{flag}={value}")]).unwrap_err().to_string();
            let expected = format!("invalid value {at_fault:?} for flag -{flag}: {reason}");
            assert_eq!(error, expected);
        }
    }
}
