//! A client with a thread and a runtime of its own, so that it can die as a process does: all at once, without a word.

use std::{
    sync::mpsc as blocking,
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_webrtc::DataChannel;
use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot},
};

use super::world;

/// What it says as soon as it can.
pub(crate) const HELLO: &str = "hello";

/// What becomes of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It lives, and sends all that the proxy takes.
    Uploads,
    /// It closes its channel.
    Leaves,
    /// It is gone, its sockets too.
    IsKilled,
    /// Its sockets stay open, but nothing runs any more.
    Freezes,
}

/// A client; dropping it ends it, in whatever state it is.
pub(crate) struct Client {
    offer: Option<oneshot::Receiver<String>>,
    answer: mpsc::Sender<String>,
    fate: mpsc::Sender<Fate>,
    over: Option<oneshot::Receiver<()>>,
    _frozen: blocking::Sender<()>,
    _thread: JoinHandle<()>,
}

impl Client {
    pub(crate) fn start() -> Self {
        let (offer, offered) = oneshot::channel();
        let (answer, answered) = mpsc::channel(1);
        let (fate, fates) = mpsc::channel(1);
        let (over, is_over) = oneshot::channel();
        let (frozen, thawed) = blocking::channel();
        let life = Life { offer, answer: answered, fates, over, thawed };
        Self {
            offer: Some(offered),
            answer,
            fate,
            over: Some(is_over),
            _frozen: frozen,
            _thread: thread::spawn(|| life.live()),
        }
    }

    /// The SDP of its offer; only once.
    pub(crate) async fn offer(&mut self) -> String {
        self.offer.take().unwrap().await.unwrap()
    }

    /// What the proxy told the broker.
    pub(crate) fn answer(&self, request: String) {
        self.answer.try_send(request).unwrap();
    }

    pub(crate) fn meet(&self, fate: Fate) {
        self.fate.try_send(fate).unwrap();
    }

    /// Waits until the proxy has ended its channel; only once.
    pub(crate) async fn over(&mut self) {
        self.over.take().unwrap().await.unwrap();
    }
}

/// The client's side of all that.
struct Life {
    offer: oneshot::Sender<String>,
    answer: mpsc::Receiver<String>,
    fates: mpsc::Receiver<Fate>,
    over: oneshot::Sender<()>,
    thawed: blocking::Receiver<()>,
}

impl Life {
    fn live(mut self) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (channel, end) = runtime.block_on(async {
            let offerer = world::offer().await;
            self.offer.send(offerer.sdp().to_owned()).unwrap();
            let answer = self.answer.recv().await.unwrap();
            let mut channel = world::open(offerer, &answer).await;
            channel.send(Bytes::from(HELLO)).await.unwrap();
            let end = serve(&mut channel, &mut self.fates).await;
            if matches!(end, Some(Fate::Leaves)) {
                channel.close().await.unwrap();
            }
            (channel, end)
        });
        match end {
            None => drop(self.over.send(())),
            // Until the other end is dropped.
            Some(Fate::Freezes) => drop(self.thawed.recv()),
            Some(_) => {}
        }
        runtime.shutdown_background();
        drop(channel);
    }
}

/// Reads until its fate, or, without one, until its channel ends.
async fn serve(channel: &mut DataChannel, fates: &mut mpsc::Receiver<Fate>) -> Option<Fate> {
    let (mut sink, mut stream) = channel.split();
    let mut uploads = false;
    loop {
        tokio::select! {
            item = stream.next() => if !matches!(item, Some(Ok(_))) { return None },
            sent = sink.send(Bytes::from(vec![0; 10_000])), if uploads => if sent.is_err() { return None },
            Some(fate) = fates.recv() => match fate {
                Fate::Uploads => uploads = true,
                fate => return Some(fate),
            },
        }
    }
}
