//! From the flags to queues: names, regions, and credentials where AWS' tools keep them.

use snowflake_rendezvous::tls::{self, TlsConfig};
use snowflake_rendezvous::{ConfigError as ExchangeConfigError, Exchange};
use snowflake_sqs::{
    Profile, ProfileError, Region, RegionError, Sqs, endpoint_of_environment, is_queue_name, limits,
};
use url::Url;

use super::SqsQueue;
use crate::{Args, ConfigError, Reason};

/// What is wrong with a queue's configuration.
#[derive(Debug, thiserror::Error)]
pub enum SqsSetupError {
    /// Not a name.
    #[error("not the name of a queue: letters, digits, - and _, at most 80")]
    Name,
    /// Not a region.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// No credentials.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The service's address cannot be one.
    #[error("the address of the queue service: {0}")]
    Address(#[from] url::ParseError),
    /// The service's address is of another kind.
    #[error("the address of the queue service: {0}")]
    Exchange(#[from] ExchangeConfigError),
    /// The certificate authorities cannot be used.
    #[error("setting up TLS: {0}")]
    Tls(#[from] tls::Error),
}

/// The queue of each profile, of the one without a name if none is named. `get` looks a variable of
/// the environment up.
pub(crate) fn queues(
    args: &Args,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Vec<SqsQueue>, ConfigError> {
    let (name, region) = (&args.broker_sqs_name, &args.broker_sqs_region);
    match (name.as_str(), region.as_str(), &*args.sqs_profiles) {
        ("", "", []) => return Ok(Vec::new()),
        ("", "", profiles) => return Err(half("sqs-profiles", &profiles.join(","))),
        (_, "", _) => return Err(half("broker-sqs-name", name)),
        ("", ..) => return Err(half("broker-sqs-region", region)),
        _ => {}
    }
    if !is_queue_name(name) {
        return Err(bad("broker-sqs-name", name)(SqsSetupError::Name));
    }
    let region: Region =
        region.parse().map_err(SqsSetupError::from).map_err(bad("broker-sqs-region", region))?;
    // Reads the system's certificates: once for all.
    let tls =
        tls::client_config().map_err(SqsSetupError::from).map_err(bad("broker-sqs-name", name))?;
    let endpoint = endpoint_of_environment(&get)?;
    let of_profile = |profile: Option<&str>| {
        let sqs = sqs(profile, &region, endpoint.clone(), &get, &tls);
        let sqs = sqs.map_err(bad("sqs-profiles", profile.unwrap_or_default()))?;
        Ok(SqsQueue { name: name.clone(), sqs })
    };
    if args.sqs_profiles.is_empty() {
        return Ok(vec![of_profile(None)?]);
    }
    args.sqs_profiles.iter().map(|profile| of_profile(Some(profile))).collect()
}

/// The region of a profile, if it has one, counts before the flag's, as with Go, and `endpoint` before the region's own.
fn sqs(
    profile: Option<&str>,
    region: &Region,
    endpoint: Option<Url>,
    get: impl Fn(&str) -> Option<String>,
    tls: &TlsConfig,
) -> Result<Sqs, SqsSetupError> {
    let found = Profile::find(profile, &get)?;
    let own_region = found.region.filter(|_| profile.is_some());
    let region = own_region.unwrap_or_else(|| region.clone());
    let endpoint = endpoint.map_or_else(|| region.endpoint(), Ok)?;
    let exchange = Exchange::new(endpoint, [""; 0], tls.clone(), limits::HEADERS)?;
    Ok(Sqs::new(exchange, region, found.credentials))
}

fn half(flag: &'static str, value: &str) -> ConfigError {
    ConfigError::BadValue { flag, value: value.to_owned(), reason: Reason::HalfOfQueue }
}

fn bad(flag: &'static str, value: &str) -> impl FnOnce(SqsSetupError) -> ConfigError + use<> {
    let value = value.to_owned();
    move |error| ConfigError::BadValue { flag, value, reason: error.into() }
}

#[cfg(test)]
mod tests {
    use snowflake_cli::{Program, parse_from};

    use super::*;

    const KEY: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secretEXAMPLE")];

    fn number_of_queues(profiles: &str, environment: &[(&str, &str)]) -> Result<usize, String> {
        let profiles = format!("-sqs-profiles={profiles}");
        let words = ["-broker-sqs-name=q", "-broker-sqs-region=x-y-1", &profiles];
        let args = parse_from(Program { name: "snowflake-broker", version: "0" }, words).unwrap();
        let found = queues(&args, |variable| {
            let found = environment.iter().find(|(name, _)| *name == variable);
            found.map(|(_, value)| (*value).to_owned())
        });
        found.map(|queues| queues.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_profile_has_a_queue() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        let keys = "aws_access_key_id=k\naws_secret_access_key=s\n";
        std::fs::write(&file, format!("[one]\n{keys}[two]\n{keys}")).unwrap();
        let environment = [("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())];
        assert_eq!(number_of_queues("one, two", &environment), Ok(2));
        assert_eq!(number_of_queues("", &KEY), Ok(1));
        let error = number_of_queues("one,three", &environment).unwrap_err();
        let expected = "invalid value \"three\" for flag -sqs-profiles: no aws_access_key_id and";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn the_services_address_may_come_from_the_environment() {
        let with = |address| [KEY[0], KEY[1], ("AWS_ENDPOINT_URL_SQS", address)];
        assert_eq!(number_of_queues("", &with("http://127.0.0.1:1")), Ok(1));
        for (address, reason) in [
            ("nonsense", "AWS_ENDPOINT_URL_SQS is not a URL: relative URL without a base"),
            ("ftp://a", "AWS_ENDPOINT_URL_SQS is not a URL with http or https"),
        ] {
            assert_eq!(number_of_queues("", &with(address)).unwrap_err(), reason);
        }
    }
}
