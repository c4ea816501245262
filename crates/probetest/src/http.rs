//! Questions and replies in HTTP.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use snowflake_messages::limits::MAX_BODY;
use tokio::time::timeout;
use url::form_urlencoded;

use crate::limits;
use crate::probe::{Prober, Refusal, Simulation};
use crate::serve::Tasks;

/// Answers one request; what follows the answer is a task.
pub(crate) async fn respond(
    prober: Arc<Prober>,
    tasks: Tasks,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/probe" {
        return Ok(reply(StatusCode::NOT_FOUND, "404 page not found\n"));
    }
    let simulation = simulation(request.uri().query().unwrap_or_default());
    let question = Limited::new(request.into_body(), MAX_BODY).collect();
    let question = match timeout(limits::BODY, question).await {
        Ok(Ok(question)) => question.to_bytes(),
        Ok(Err(_)) => return Ok(reply(StatusCode::BAD_REQUEST, "")),
        Err(_) => return Ok(reply(StatusCode::REQUEST_TIMEOUT, "")),
    };
    Ok(match prober.answer(simulation, &question).await {
        Ok((body, pending)) => {
            tasks.spawn(pending.wait());
            reply(StatusCode::OK, body)
        }
        Err(Refusal::BadQuestion) => reply(StatusCode::BAD_REQUEST, ""),
        Err(Refusal::Busy) => reply(StatusCode::SERVICE_UNAVAILABLE, ""),
        Err(Refusal::Failed) => reply(StatusCode::INTERNAL_SERVER_ERROR, ""),
    })
}

/// `InCoSim`; every other value than `moderate` means strict, as it does to Go's program.
fn simulation(query: &str) -> Simulation {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    match pairs.find(|(key, _)| key == "InCoSim") {
        Some((_, value)) if value == "moderate" => Simulation::Moderate,
        _ => Simulation::Strict,
    }
}

/// Pages of any origin may ask: browser proxies are such pages.
fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let everybody = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, everybody);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_word_is_not_strict() {
        assert_eq!(simulation("InCoSim=moderate"), Simulation::Moderate);
        assert_eq!(simulation("x=y&InCoSim=moderate"), Simulation::Moderate);
        for query in ["", "InCoSim=", "InCoSim=strict", "InCoSim=Moderate", "incosim=moderate"] {
            assert_eq!(simulation(query), Simulation::Strict, "{query}");
        }
    }
}
