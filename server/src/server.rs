//! What the tasks of one listener share.

use snowflake_turbotunnel::QueuePacketConn;

use crate::{config::Config, tasks::Tasks};

/// One listener, as its connections see it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: Config,
    /// Where carriers leave packets, and fetch them.
    pub(crate) packets: QueuePacketConn,
    pub(crate) tasks: Tasks,
}

impl Server {
    /// Watches certificate files, or gets and renews certificates. Never ends if there are any.
    pub(crate) async fn keep_certificates(&self) {
        if let Some(tls) = &self.config.tls {
            tls.keep().await;
        }
    }
}
