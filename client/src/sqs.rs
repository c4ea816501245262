//! The way to a broker that reads its polls from a queue.

use crate::SettingsError;
use snowflake_rendezvous::Exchange;
use snowflake_sqs::{QueueRendezvous, Region, Sqs, endpoint_of_environment, limits};
use std::time::Duration;
use url::Url;

/// The way that `sqsqueue` and `sqscreds` describe.
///
/// `exchange` says how requests get to a URL, with a time for the headers of a response. `get` looks a variable of the
/// environment up: it may name another address of the service.
pub(crate) fn way(
    queue: &str,
    key: &str,
    get: impl Fn(&str) -> Option<String>,
    exchange: impl FnOnce(Url, Duration) -> Result<Exchange, SettingsError>,
) -> Result<QueueRendezvous, SettingsError> {
    let queue = Url::parse(queue).map_err(SettingsError::QueueUrl)?;
    let region = Region::of_queue(&queue).map_err(SettingsError::QueueRegion)?;
    if key.is_empty() {
        return Err(SettingsError::NoQueueKey);
    }
    let key = key.parse().map_err(SettingsError::QueueKey)?;
    let service = match endpoint_of_environment(get).map_err(SettingsError::QueueService)? {
        Some(service) => service,
        None => region.endpoint().map_err(SettingsError::QueueUrl)?,
    };
    let sqs = Sqs::new(exchange(service, limits::HEADERS)?, region, key);
    Ok(QueueRendezvous::new(queue, sqs))
}
