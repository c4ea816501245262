//! [`Region`]: where a queue is, and the address of the service there.

use std::{fmt, str::FromStr};

use thiserror::Error;
use url::{Host, Url};

/// A region of AWS, such as `us-east-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// The region that a queue's URL names by its host, `sqs.REGION.amazonaws.com`.
    ///
    /// # Errors
    ///
    /// [`RegionError::Host`] for any other host: signatures hold for a region, so it has to be known.
    pub fn of_queue(queue: &Url) -> Result<Self, RegionError> {
        let Some(Host::Domain(host)) = queue.host() else { return Err(RegionError::Host) };
        let region = host.strip_prefix("sqs.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
        region.and_then(|region| region.parse().ok()).ok_or(RegionError::Host)
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service's own address in this region.
    ///
    /// # Errors
    ///
    /// As [`Url::parse`]; a region is always part of a host name, so none is known.
    pub fn endpoint(&self) -> Result<Url, url::ParseError> {
        Url::parse(&format!("https://sqs.{self}.amazonaws.com/"))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_word = !text.is_empty() && text.bytes().all(is_letter);
        is_word.then(|| Self(text.to_owned())).ok_or(RegionError::Word)
    }
}

/// Why something names no region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RegionError {
    /// It is not of letters, digits, `-` and `_`.
    #[error("not the name of a region, such as us-east-1")]
    Word,
    /// The queue's host names none.
    #[error("the queue's host is not sqs.REGION.amazonaws.com, so its region is unknown")]
    Host,
}

/// The service's address that the environment names in the place of the region's own: `AWS_ENDPOINT_URL_SQS`, else
/// `AWS_ENDPOINT_URL`, as in AWS' libraries. `get` looks a variable up.
///
/// # Errors
///
/// Names the variable that holds no URL with `http` or `https`.
pub fn endpoint_of_environment(
    get: impl Fn(&str) -> Option<String>,
) -> Result<Option<Url>, EndpointError> {
    for variable in ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"] {
        if let Some(text) = get(variable).filter(|text| !text.is_empty()) {
            let bad = |problem| EndpointError { variable, problem };
            let url = Url::parse(&text).map_err(EndpointProblem::Url).map_err(bad)?;
            return match url.scheme() {
                "http" | "https" => Ok(Some(url)),
                _ => Err(bad(EndpointProblem::Scheme)),
            };
        }
    }
    Ok(None)
}

/// A variable of the environment is not the URL of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{variable} is {problem}")]
pub struct EndpointError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: EndpointProblem,
}

/// What is wrong with a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EndpointProblem {
    /// It is no URL.
    #[error("not a URL: {0}")]
    Url(url::ParseError),
    /// It is a URL of another kind.
    #[error("not a URL with http or https")]
    Scheme,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_the_second_label_of_the_queues_host() {
        let region = |url: &str| Region::of_queue(&Url::parse(url).unwrap());
        let deployed = "https://sqs.us-east-1.amazonaws.com/893902434899/snowflake-broker";
        let region_of_deployed = region(deployed).unwrap();
        assert_eq!(region_of_deployed.as_str(), "us-east-1");
        let endpoint = region_of_deployed.endpoint().unwrap();
        assert_eq!(endpoint.as_str(), "https://sqs.us-east-1.amazonaws.com/");
        assert_eq!(region("http://SQS.eu_x.amazonaws.com:8080/").unwrap().as_str(), "eu_x");
        for other in [
            "https://sqs..amazonaws.com/",
            "https://sqs.amazonaws.com/",
            "https://sqs.a.b.amazonaws.com/",
            "https://sqs.us-east-1.amazonaws.com.example/",
            "https://example/sqs.us-east-1.amazonaws.com",
            "https://127.0.0.1/1/queue",
            "mailto:sqs.us-east-1.amazonaws.com",
        ] {
            assert_eq!(region(other), Err(RegionError::Host), "{other}");
        }
    }

    #[test]
    fn the_environment_may_name_another_address() {
        let of = |variables: &[(&str, &str)]| {
            endpoint_of_environment(|name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let (sqs, all) = ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL");
        let url = |text: &str| Ok(Some(Url::parse(text).unwrap()));
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[(all, "http://b"), (sqs, "http://a")]), url("http://a"));
        assert_eq!(of(&[(all, "http://b"), (sqs, "")]), url("http://b"));
        let error = |address| of(&[(sqs, address)]).unwrap_err().to_string();
        assert_eq!(error("here"), "AWS_ENDPOINT_URL_SQS is not a URL: relative URL without a base");
        assert_eq!(error("ftp://a"), "AWS_ENDPOINT_URL_SQS is not a URL with http or https");
    }
}
