//! The server's packet conn: all carriers of all clients.

use crate::packet_queue::{Consumer, PacketQueue};
use crate::pump::{Inbound, close, pump};
use crate::{Carrier, CarrierEnd, ClientId, ClientMap, Closed, PacketConn, QueueConfig};
use bytes::Bytes;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Locks over the client map. A carrier takes one when it begins and when it ends, never for a packet.
const SHARDS: usize = 16;

/// One packet conn for all clients of a server: carriers feed it, [`Clients`] yields a [`ClientConn`] for each client.
///
/// All carriers with one ClientId lead to the same `ClientConn`, so its session does not notice when they come and
/// go. What goes down goes to the client's newest carrier. Each client has queues of its own; no client's traffic
/// waits for another's. Clones share the same conn; when the last is gone, and the last carrier, it is closed for all
/// clients.
#[derive(Clone, Debug)]
pub struct QueuePacketConn {
    half: Arc<Half>,
}

/// What the carriers know of the conn.
#[derive(Debug)]
struct Half {
    shared: Arc<Shared>,
    arrivals: mpsc::Sender<(ClientId, ClientConn)>,
}

#[derive(Debug)]
struct Shared {
    shards: [Mutex<ClientMap<Arc<ClientQueues>>>; SHARDS],
    hasher: RandomState,
    config: QueueConfig,
}

/// Both queues of one client.
#[derive(Debug)]
struct ClientQueues {
    up: Arc<PacketQueue>,
    down: Arc<PacketQueue>,
    /// What the client map says too, readable without its lock: packets come here, and most find a session.
    has_session: AtomicBool,
}

impl QueuePacketConn {
    /// The conn, and the receiver of its clients, which the caller must keep polling.
    pub fn new(config: QueueConfig) -> (Self, Clients) {
        let (arrivals, clients) = mpsc::channel(config.backlog);
        let per_shard = config.clients.div_ceil(SHARDS);
        let shards = std::array::from_fn(|_| Mutex::new(ClientMap::new(per_shard, config.expiry)));
        let shared = Arc::new(Shared { shards, hasher: RandomState::new(), config });
        (
            Self { half: Arc::new(Half { shared: shared.clone(), arrivals }) },
            Clients { shared, arrivals: clients, swept: None },
        )
    }

    /// Uses `carrier`, whose preamble named `client`, until it ends.
    ///
    /// `first` is what was read from the carrier after its preamble. The first packet of a client that has no
    /// session makes it appear in [`Clients::accept`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the carrier; the client's session goes on.
    pub async fn serve<C: Carrier>(
        &self,
        client: ClientId,
        carrier: C,
        first: Bytes,
    ) -> CarrierEnd {
        let Some((attached, down)) = self.attach(client) else { return CarrierEnd::TooManyClients };
        let silence = self.half.shared.config.silence;
        let used = pump(carrier, first, attached, down, silence).await;
        close(used.carrier).await;
        used.end
    }

    fn attach(&self, client: ClientId) -> Option<(Attached, Consumer)> {
        let shared = &self.half.shared;
        let config = &shared.config;
        let queues = shared.shard(client).attach(client, || {
            Arc::new(ClientQueues {
                up: PacketQueue::new(config.incoming, 1),
                down: PacketQueue::new(config.outgoing, config.carriers),
                has_session: AtomicBool::new(false),
            })
        })?;
        let down = queues.down.attach();
        Some((Attached { conn: self.clone(), client, queues }, down))
    }

    /// Hands the client's session out if it has none; false if it was turned away.
    fn ensure_session(&self, client: ClientId, queues: &Arc<ClientQueues>) -> bool {
        let Half { shared, arrivals } = &*self.half;
        if queues.has_session.load(Ordering::Acquire) || !shared.shard(client).begin_session(client)
        {
            return true;
        }
        queues.has_session.store(true, Ordering::Release);
        let received = queues.up.attach();
        let conn = ClientConn { shared: shared.clone(), client, queues: queues.clone(), received };
        // When the backlog is full, dropping the conn ends the session that never was.
        let handed_out = arrivals.try_send((client, conn)).is_ok();
        if !handed_out {
            tracing::warn!(
                "the backlog of new clients is full; one is turned away until it tries again"
            );
        }
        handed_out
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        for shard in &self.shared.shards {
            let clients = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let queues: Vec<_> = clients.values().cloned().collect();
            drop(clients);
            queues.iter().for_each(|queues| queues.close());
        }
    }
}

impl ClientQueues {
    fn close(&self) {
        self.up.close();
        self.down.close();
    }
}

impl Shared {
    fn shard(&self, client: ClientId) -> MutexGuard<'_, ClientMap<Arc<ClientQueues>>> {
        let index = self.hasher.hash_one(client) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sweep(&self, now: Instant) {
        for shard in &self.shards {
            let expired =
                shard.lock().unwrap_or_else(PoisonError::into_inner).expire(now.into_std());
            expired.iter().for_each(|queues| queues.down.clear());
        }
    }
}

/// One carrier's place at its client.
struct Attached {
    conn: QueuePacketConn,
    client: ClientId,
    queues: Arc<ClientQueues>,
}

impl Inbound for Attached {
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<usize, Closed>> {
        self.queues.up.poll_room(cx)
    }

    fn push(&mut self, packets: &mut Vec<Bytes>) {
        if self.conn.ensure_session(self.client, &self.queues) {
            self.queues.up.push(packets);
        } else {
            // Nobody would take them out, and a queue full of them would stop the carrier.
            packets.clear();
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.conn.half.shared.shard(self.client).detach(self.client, Instant::now().into_std());
    }
}

/// The clients that have appeared and wait for a session.
#[derive(Debug)]
pub struct Clients {
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<(ClientId, ClientConn)>,
    swept: Option<Instant>,
}

impl Clients {
    /// The next client without a session; `None` when every [`QueuePacketConn`] is gone.
    ///
    /// While it waits it also drops, twice per expiry time, what waits for clients that lost their carriers.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no client is lost.
    pub async fn accept(&mut self) -> Option<(ClientId, ClientConn)> {
        let every = (self.shared.config.expiry / 2).max(Duration::from_millis(1));
        loop {
            let due = *self.swept.get_or_insert_with(Instant::now) + every;
            match tokio::time::timeout_at(due, self.arrivals.recv()).await {
                Ok(arrival) => return arrival,
                Err(_) => {
                    let now = Instant::now();
                    self.shared.sweep(now);
                    self.swept = Some(now);
                }
            }
        }
    }
}

/// The packets of one client, over whichever carriers it has. Dropping it ends the client's session here.
#[derive(Debug)]
pub struct ClientConn {
    shared: Arc<Shared>,
    client: ClientId,
    queues: Arc<ClientQueues>,
    received: Consumer,
}

impl ClientConn {
    /// Whose packets these are.
    pub fn client(&self) -> ClientId {
        self.client
    }
}

impl PacketConn for ClientConn {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        packets: &mut Vec<Bytes>,
    ) -> Poll<Result<(), Closed>> {
        self.received.poll_pop(cx, packets, usize::MAX, |len| len).map_err(|_| Closed)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Closed>> {
        self.queues.down.poll_room(cx)
    }

    fn send(&mut self, packets: &mut Vec<Bytes>) {
        self.queues.down.push(packets);
    }
}

impl Drop for ClientConn {
    fn drop(&mut self) {
        self.queues.has_session.store(false, Ordering::Release);
        self.shared.shard(self.client).end_session(self.client);
        // Only now: a queue that was filled in between, with nobody to read it, would stop the client's carriers. What a
        // new session loses by this it is sent again.
        self.queues.up.clear();
        self.queues.down.clear();
    }
}
