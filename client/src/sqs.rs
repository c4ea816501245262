//! The queue from which a broker takes its polls, as settings describe it.

use crate::config_error::{ConfigError, Reason};
use snowflake_rendezvous::Exchange;
use snowflake_sqs::{Credentials, Region, Sqs, endpoint_of_environment};
use url::Url;

/// A queue, and what it takes to use it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) url: Url,
    region: Region,
    key: Credentials,
}

impl Queue {
    /// The service that has the queue, reached by `exchange`.
    pub(crate) fn service(&self, exchange: Exchange) -> Sqs {
        Sqs::new(exchange, self.region.clone(), self.key.clone())
    }
}

/// The queue that `sqsqueue` and `sqscreds` describe, and the URL of its service.
///
/// `get` looks a variable of the environment up: it may name another address of the service.
pub(crate) fn queue(
    queue: &str,
    key: &str,
    get: impl Fn(&str) -> Option<String>,
) -> Result<(Queue, Url), ConfigError> {
    let url = Url::parse(queue).map_err(ConfigError::of("sqsqueue", queue))?;
    let region = Region::of_queue(&url).map_err(ConfigError::of("sqsqueue", queue))?;
    if key.is_empty() {
        return Err(ConfigError::new("sqscreds", key, Reason::NoQueueKey));
    }
    // Not the value: it is a secret.
    let key = key.parse::<Credentials>().map_err(ConfigError::of("sqscreds", "..."))?;
    let of_environment = endpoint_of_environment(&get).map_err(|error| {
        let value = get(error.variable).unwrap_or_default();
        ConfigError::new(error.variable, &value, error.problem)
    })?;
    let service = match of_environment {
        Some(service) => service,
        None => region.endpoint().map_err(ConfigError::of("sqsqueue", queue))?,
    };
    Ok((Queue { url, region, key }, service))
}
