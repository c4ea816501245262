//! The library used directly, as a stranger at the other end: what it sees, and what it is not allowed.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use rtc::{
    datachannel::message::{
        Message,
        message_channel_ack::DataChannelAck,
        message_channel_open::{CHANNEL_PRIORITY_NORMAL, ChannelType, DataChannelOpen},
    },
    shared::marshal::{Marshal, Unmarshal},
};
use snowflake_webrtc::{Config, answer, offer};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCSessionDescription,
    },
};

const LIMIT: Duration = Duration::from_secs(10);

/// Reports the end of gathering and the channels that the other side opens.
struct Events {
    gathered: Notify,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.channels.send(channel).await.unwrap();
    }
}

struct Stranger {
    peer: Arc<dyn PeerConnection>,
    events: Arc<Events>,
    channels: mpsc::Receiver<Arc<dyn DataChannel>>,
}

impl Stranger {
    async fn new() -> Self {
        let (sender, channels) = mpsc::channel(8);
        let events = Arc::new(Events { gathered: Notify::new(), channels: sender });
        let builder = PeerConnectionBuilder::new().with_handler(events.clone());
        let peer = builder.with_udp_addrs(vec!["127.0.0.1:0"]).build().await.unwrap();
        Self { peer: Arc::new(peer), events, channels }
    }

    async fn describe(&self, description: RTCSessionDescription) -> String {
        self.peer.set_local_description(description).await.unwrap();
        timeout(LIMIT, self.events.gathered.notified()).await.unwrap();
        self.peer.local_description().await.unwrap().sdp
    }
}

fn loopback() -> Config {
    Config { keep_local_addresses: true, ..Config::default() }
}

/// Waits for `wanted`, whatever comes before it.
async fn wait_for(channel: &Arc<dyn DataChannel>, wanted: fn(&DataChannelEvent) -> bool) {
    let wanted = async { while !wanted(&channel.poll().await.expect("more events")) {} };
    timeout(LIMIT, wanted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_channel_is_closed_and_the_first_goes_on() {
    let stranger = Stranger::new().await;
    let Stranger { peer, .. } = &stranger;
    let first = peer.create_data_channel("first", None).await.unwrap();
    let offer = stranger.describe(peer.create_offer(None).await.unwrap()).await;
    let answerer = answer(&loopback(), &offer).await.unwrap();
    let description = RTCSessionDescription::answer(answerer.sdp().to_owned()).unwrap();
    peer.set_remote_description(description).await.unwrap();
    let mut channel = answerer.open(LIMIT).await.unwrap();
    wait_for(&first, |event| matches!(event, DataChannelEvent::OnOpen)).await;

    for _ in 0..3 {
        let second = peer.create_data_channel("second", None).await.unwrap();
        wait_for(&second, |event| matches!(event, DataChannelEvent::OnClose)).await;
    }
    // Text counts as bytes, and empty messages do not count.
    first.send_text("").await.unwrap();
    first.send(BytesMut::new()).await.unwrap();
    first.send_text("still here").await.unwrap();
    let message = timeout(LIMIT, channel.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message, "still here");
    peer.close().await.unwrap();
    assert!(timeout(LIMIT, channel.next()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_channel_looks_like_that_of_the_go_client() {
    let mut stranger = Stranger::new().await;
    let peer = &stranger.peer;
    let offerer = offer(&loopback(), Bytes::from_static(b"first")).await.unwrap();
    let description = RTCSessionDescription::offer(offerer.sdp().to_owned()).unwrap();
    peer.set_remote_description(description).await.unwrap();
    let answer = stranger.describe(peer.create_answer(None).await.unwrap()).await;
    let mut ours = offerer.open(&answer, LIMIT).await.unwrap();
    ours.send(Bytes::from_static(b"second")).await.unwrap();
    let channel = timeout(LIMIT, stranger.channels.recv()).await.unwrap().unwrap();
    let label = channel.label().await.unwrap();
    let digits = label.strip_prefix("snowflake-").unwrap();
    assert!(
        digits.len() == 16 && digits.bytes().all(|b| b"0123456789abcdef".contains(&b)),
        "{label}"
    );
    assert_eq!(channel.protocol().await.unwrap(), "");
    assert!(channel.ordered().await.unwrap());
    assert!(!channel.negotiated().await.unwrap());
    let mut messages = Vec::new();
    while messages.len() < 2 {
        if let DataChannelEvent::OnMessage(message) = channel.poll().await.unwrap() {
            assert!(!message.is_string);
            messages.push(message.data);
        }
    }
    assert_eq!(messages, ["first", "second"]);
    // Channels that the other side opens are none of ours.
    let theirs = stranger.peer.create_data_channel("theirs", None).await.unwrap();
    wait_for(&theirs, |event| matches!(event, DataChannelEvent::OnClose)).await;
    ours.send(Bytes::from_static(b"third")).await.unwrap();
    wait_for(
        &channel,
        |event| matches!(event, DataChannelEvent::OnMessage(m) if &m.data[..] == b"third"),
    )
    .await;
}

// DATA_CHANNEL_OPEN and its answer (RFC 8832, 5) as Go's library sends them.
#[test]
fn the_opening_message_is_the_one_of_gos_library() {
    let open = Message::DataChannelOpen(DataChannelOpen {
        channel_type: ChannelType::Reliable,
        priority: CHANNEL_PRIORITY_NORMAL,
        reliability_parameter: 0,
        label: b"snowflake-0123456789abcdef".to_vec(),
        protocol: Vec::new(),
    });
    let bytes = "0300010000000000001a0000736e6f77666c616b652d30313233343536373839616263646566";
    assert_eq!(hex::encode(open.marshal().unwrap()), bytes);
    for ack in ["02", "02000000"] {
        let mut bytes = &*hex::decode(ack).unwrap();
        assert_eq!(
            Message::unmarshal(&mut bytes).unwrap(),
            Message::DataChannelAck(DataChannelAck)
        );
    }
}
