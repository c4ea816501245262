//! Whether clients come by the address of `-outbound-address`.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use snowflake_webrtc::DataChannel;
use tracing::warn;

/// Looks at each client's path, and says once that one goes another way.
#[derive(Debug)]
pub(crate) struct OutboundCheck {
    address: Option<IpAddr>,
    said: AtomicBool,
}

impl OutboundCheck {
    pub(crate) fn new(address: Option<IpAddr>) -> Self {
        Self { address, said: AtomicBool::new(false) }
    }

    /// Looks at the path of a client that is connected.
    pub(crate) fn look<'a>(
        &'a self,
        channel: &DataChannel,
    ) -> impl Future<Output = ()> + Send + use<'a> {
        let goes_by = self.address.map(|address| channel.goes_by(address));
        async move {
            let Some(goes_by) = goes_by else { return };
            if goes_by.await == Some(false) && !self.said.swap(true, Relaxed) {
                warn!(
                    "the address of -outbound-address is not used for a client; said once, \
                     others may follow"
                );
            }
        }
    }
}
