//! One peer connection of the library, from its sockets to its end.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc, time::timeout};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, RTCConfigurationBuilder, RTCIceCandidateType,
    RTCIceServer, RTCSessionDescription, SettingEngine, SettingEngineBuilder,
};

use crate::{
    config::Config,
    error::SetupError,
    events::Events,
    gathering,
    limits::{
        BIND_ATTEMPTS, CHECK_ATTEMPTS, CHECK_INTERVAL, CLOSE_DEADLINE, MAX_INCOMING_MESSAGE,
        PATH_CHECK_INTERVAL, PATH_DOUBT, PATH_FAILED, SCTP_PACKET,
    },
    runtime::ConnectionRuntime,
    sdp::{self, PeerDescription, Setup},
    sockets,
    upstream::{self, Way},
};

/// A data channel as the library hands it out.
pub(crate) type Channel = Arc<dyn webrtc::data_channel::DataChannel>;

/// A peer connection that is closed when this is dropped, wherever that happens.
///
/// The library leaks its sockets and buffers if a connection is dropped without being closed, so no other part of this
/// crate holds one.
pub(crate) struct Connection {
    peer: Arc<dyn PeerConnection>,
    events: Arc<Events>,
    executor: Handle,
    runtime: Arc<ConnectionRuntime>,
    /// `None` only while being dropped.
    stop: Option<StopGuard>,
}

impl Connection {
    /// Binds the sockets and starts the driver; channels that the peer opens go to `accept`.
    ///
    /// Must run within a tokio runtime. Cancelling it leaves nothing behind.
    pub(crate) async fn new(
        config: &Config,
        accept: Option<mpsc::Sender<Channel>>,
    ) -> Result<Self, SetupError> {
        if let Some(proxy) = &config.upstream {
            let (association, stun_servers) = upstream::open(proxy, &config.stun_servers).await?;
            debug!(stun_servers = stun_servers.len(), "connection through a proxy begins");
            let way = Way::through(association);
            return Self::build(vec![upstream::PLACEHOLDER], &stun_servers, accept, way).await;
        }
        let stun_servers =
            gathering::resolve(&config.stun_servers, config.gathering_deadline / 2).await;
        let mut attempt = 1;
        loop {
            let addresses = sockets::choose(config, &stun_servers)?;
            debug!(
                sockets = addresses.len(),
                stun_servers = stun_servers.len(),
                "connection begins"
            );
            match Self::build(addresses, &stun_servers, accept.clone(), Way::Direct).await {
                // Another program may have taken a chosen port since.
                Err(SetupError::Library { .. })
                    if config.ephemeral_ports.is_some() && attempt < BIND_ATTEMPTS =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn build(
        addresses: Vec<SocketAddr>,
        stun_servers: &[SocketAddr],
        accept: Option<mpsc::Sender<Channel>>,
        way: Way,
    ) -> Result<Self, SetupError> {
        let ice_servers = stun_servers
            .iter()
            .map(|server| RTCIceServer {
                urls: vec![format!("stun:{server}")],
                ..RTCIceServer::default()
            })
            .collect();
        let runtime = Arc::new(ConnectionRuntime::new(way));
        let stop = StopGuard(runtime.clone());
        let events = Arc::new(Events::new(accept, runtime.clone()));
        let peer = PeerConnectionBuilder::new()
            .with_configuration(
                RTCConfigurationBuilder::default().with_ice_servers(ice_servers).build(),
            )
            .with_setting_engine(settings())
            .with_runtime(runtime.clone())
            .with_handler(events.clone())
            .with_udp_addrs(addresses)
            .build()
            .await
            .map_err(SetupError::library("starting a peer connection"))?;
        Ok(Self {
            peer: Arc::new(peer),
            events,
            executor: Handle::current(),
            stop: Some(stop),
            runtime,
        })
    }

    /// The library's handle.
    pub(crate) fn peer(&self) -> &dyn PeerConnection {
        &*self.peer
    }

    /// What has happened to the connection.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Resolves once no path to the peer is left or the driver is gone.
    pub(crate) fn lost(&self) -> WaitForCancellationFutureOwned {
        self.runtime.lost().clone().cancelled_owned()
    }

    /// The channel is open.
    pub(crate) fn settle(&self) {
        self.runtime.settle();
    }

    /// The driver may rest while nothing happens on `channel`, which is open and the only one.
    pub(crate) fn rest_when_idle(&self, channel: &Channel) {
        self.runtime.rest_when_idle(channel);
    }

    /// See [`DataChannel::goes_by`](crate::DataChannel::goes_by).
    pub(crate) fn goes_by(
        &self,
        outbound: IpAddr,
    ) -> impl Future<Output = Option<bool>> + Send + use<> {
        let peer = self.peer.clone();
        async move {
            let ice = peer.sctp().await?.transport().ice_transport();
            let pair = ice.get_selected_candidate_pair().await.ok()??;
            let address: IpAddr = pair.local().address.parse().ok()?;
            let is_host = pair.local().typ == RTCIceCandidateType::Host;
            Some(address == outbound || is_host && address.is_ipv4() == outbound.is_ipv4())
        }
    }

    /// Applies the peer's description; `setup` is its DTLS role if it names none.
    pub(crate) async fn set_peer_description(
        &self,
        sdp: &str,
        setup: Setup,
    ) -> Result<(), SetupError> {
        let parsed = PeerDescription::parse(sdp, setup).map_err(SetupError::PeerDescription)?;
        let description = match setup {
            Setup::ActPass => RTCSessionDescription::offer(parsed.to_sdp()),
            Setup::Active | Setup::Passive => RTCSessionDescription::answer(parsed.to_sdp()),
        };
        let description =
            description.map_err(SetupError::library("reading the peer's session description"))?;
        self.peer
            .set_remote_description(description)
            .await
            .map_err(SetupError::library("applying the peer's session description"))
    }

    /// Applies our own description, collects candidates, and returns it as the peer may see it.
    pub(crate) async fn describe(
        &self,
        config: &Config,
        description: RTCSessionDescription,
    ) -> Result<String, SetupError> {
        self.peer
            .set_local_description(description)
            .await
            .map_err(SetupError::library("applying our own session description"))?;
        if config.hide_candidates {
            let description = self.peer.local_description().await.ok_or(SetupError::Failed)?;
            return Ok(sdp::strip_candidates(&description.sdp));
        }
        self.events.gathered(config.gathering_deadline).await;
        let description = self.peer.local_description().await.ok_or(SetupError::Failed)?;
        // Behind a proxy the only local address is one that nobody can be reached at.
        let keeps_local = config.keep_local_addresses && config.upstream.is_none();
        Ok(sdp::publish(&description.sdp, keeps_local, config.outbound_address))
    }

    /// Closes the connection and tells the peer.
    ///
    /// Dropping it does the same in the background.
    pub(crate) fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        let peer = self.peer.clone();
        async move {
            let _ = timeout(CLOSE_DEADLINE, peer.close()).await;
        }
    }
}

fn settings() -> SettingEngine {
    let at_once = Some(Duration::ZERO);
    SettingEngineBuilder::new()
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECK_ATTEMPTS))
        .with_ice_timeouts(Some(PATH_DOUBT), Some(PATH_FAILED), Some(PATH_CHECK_INTERVAL))
        .with_host_acceptance_min_wait(at_once)
        .with_srflx_acceptance_min_wait(at_once)
        .with_prflx_acceptance_min_wait(at_once)
        // The deadline for opening is the caller's.
        .with_dcep_handshake_timeout(None)
        .with_answering_dtls_role(rtc::peer_connection::transport::RTCDtlsRole::Client)
        .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
        .with_sctp_mtu(SCTP_PACKET)
        .with_sctp_max_message_size(
            rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize::Bounded(
                MAX_INCOMING_MESSAGE,
            ),
        )
        .build()
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (closed, stop) = (self.close(), self.stop.take());
        self.executor.spawn(async move {
            let _stop = stop;
            closed.await;
        });
    }
}

/// Stops a connection's tasks when dropped: with the connection, with the cancelled attempt to make one, or with the
/// executor.
struct StopGuard(Arc<ConnectionRuntime>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.stop();
    }
}
