//! [`Http`]: the usual way, by HTTPS to the broker or its front.

use crate::{
    exchange::Exchange,
    method::{Exchanging, Poll, Rendezvous},
};

/// Where a broker takes polls, relative to its URL.
const ENDPOINT: &str = "client";

/// Posts polls to the broker.
#[derive(Debug, Clone)]
pub struct Http {
    exchange: Exchange,
}

impl Http {
    /// Posts them to `/client` of the URL that the exchange has.
    pub fn new(exchange: Exchange) -> Self {
        Self { exchange }
    }
}

impl Rendezvous for Http {
    fn name(&self) -> &str {
        "http"
    }

    fn broker(&self) -> &str {
        self.exchange.url().as_str()
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            let connection = self.exchange.connect().await?;
            Ok(connection.post(ENDPOINT, poll.message().await).await?)
        })
    }
}
