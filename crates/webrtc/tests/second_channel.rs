//! A peer that opens more than one data channel is served on the first alone.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use futures_util::StreamExt;
use snowflake_webrtc::{Config, answer};
use tokio::time::timeout;
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCSessionDescription,
    },
};

const LIMIT: Duration = Duration::from_secs(10);

struct Gathered(tokio::sync::Notify);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Gathered {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.0.notify_one();
        }
    }
}

/// Waits for `wanted`, whatever comes before it.
async fn wait_for(channel: &Arc<dyn DataChannel>, wanted: fn(&DataChannelEvent) -> bool) {
    let wanted = async { while !wanted(&channel.poll().await.expect("more events")) {} };
    timeout(LIMIT, wanted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_channel_is_closed_and_the_first_goes_on() {
    let gathered = Arc::new(Gathered(tokio::sync::Notify::new()));
    let peer = PeerConnectionBuilder::new()
        .with_handler(gathered.clone())
        .with_udp_addrs(vec!["127.0.0.1:0"])
        .build()
        .await
        .unwrap();
    let first = peer.create_data_channel("first", None).await.unwrap();
    let offer = peer.create_offer(None).await.unwrap();
    peer.set_local_description(offer).await.unwrap();
    timeout(LIMIT, gathered.0.notified()).await.unwrap();
    let offer = peer.local_description().await.unwrap();

    let config = Config { keep_local_addresses: true, ..Config::default() };
    let answerer = answer(&config, &offer.sdp).await.unwrap();
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
