//! The server's packet conn: all carriers of all clients.

use crate::delegate::delegate;
use crate::lanes::{Lane, Lanes, Over, Trunk};
use crate::pump::{Place, close, pump};
use crate::{Carrier, CarrierEnd, ClientId, ClientMap, PacketConn, QueueConfig};
use bytes::Bytes;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Locks over the client map. A carrier takes one when it begins and when it ends, never for a packet.
const SHARDS: usize = 16;

/// One packet conn for all clients of a server: carriers feed it, [`Clients`] yields a [`ClientConn`] for each client.
///
/// All carriers with one ClientId lead to the same `ClientConn`, so its session goes on while they come and go, and
/// chooses among them. Each client has queues of its own; no client's traffic waits for another's. Clones share the same
/// conn; when the last is gone, and the last carrier, it is closed for all clients.
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
    shards: [Mutex<ClientMap<Arc<Lanes>>>; SHARDS],
    hasher: RandomState,
    config: QueueConfig,
}

impl QueuePacketConn {
    /// The conn, and the receiver of its clients, which the caller must keep polling.
    pub fn new(config: QueueConfig) -> (Self, Clients) {
        let (arrivals, clients) = mpsc::channel(config.backlog);
        let per_shard = config.clients.div_ceil(SHARDS);
        let shards = std::array::from_fn(|_| Mutex::new(ClientMap::new(per_shard)));
        let shared = Arc::new(Shared { shards, hasher: RandomState::new(), config });
        (Self { half: Arc::new(Half { shared, arrivals }) }, Clients { arrivals: clients })
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
        self.serve_at(client, None, carrier, first).await
    }

    /// As [`serve`](Self::serve), for a carrier of which is said that its client has this address; for
    /// [`address_of`](Self::address_of).
    ///
    /// # Cancel safety
    ///
    /// As of [`serve`](Self::serve).
    pub async fn serve_at<C: Carrier>(
        &self,
        client: ClientId,
        address: Option<IpAddr>,
        carrier: C,
        first: Bytes,
    ) -> CarrierEnd {
        let Some(attached) = self.attach(client, address) else {
            return CarrierEnd::TooManyClients;
        };
        let used = pump(carrier, first, attached, self.half.shared.config.silence).await;
        drop(used.place);
        close(used.carrier).await;
        used.end
    }

    /// Where `client` is, as the newest of its carriers says that has proven itself to the session and says anything;
    /// `None` while there is none.
    ///
    /// So whoever knows nothing of a client but its ClientID cannot move it; a proxy that it has used knows more, and can.
    /// The address stays when its carrier ends, for as long as the client has a session or another carrier.
    pub fn address_of(&self, client: ClientId) -> Option<IpAddr> {
        let lanes = self.half.shared.shard(client).get(client);
        lanes?.address()
    }

    fn attach(&self, client: ClientId, address: Option<IpAddr>) -> Option<Attached> {
        let shared = &self.half.shared;
        let lanes = shared.shard(client).attach(client, || Lanes::new(shared.config.limits()))?;
        let lane = lanes.open_at(address);
        Some(Attached { conn: self.clone(), client, lanes, lane })
    }

    /// Hands out a conn for a session of `client`, unless another carrier has just done so; false if it was turned away.
    fn begin_session(&self, client: ClientId, lanes: &Arc<Lanes>) -> bool {
        let Some(trunk) = lanes.begin() else { return true };
        let Half { shared, arrivals } = &*self.half;
        shared.shard(client).begin_session(client);
        let conn = ClientConn { shared: shared.clone(), client, trunk };
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
            let lanes: Vec<_> = clients.values().cloned().collect();
            drop(clients);
            lanes.iter().for_each(|lanes| lanes.close());
        }
    }
}

impl Shared {
    fn shard(&self, client: ClientId) -> MutexGuard<'_, ClientMap<Arc<Lanes>>> {
        let index = self.hasher.hash_one(client) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One carrier's place at its client.
struct Attached {
    conn: QueuePacketConn,
    client: ClientId,
    lanes: Arc<Lanes>,
    lane: Lane,
}

impl Place for Attached {
    fn lane(&self) -> &Lane {
        &self.lane
    }

    fn poll_push(&mut self, cx: &Context<'_>, packets: &mut Vec<Bytes>) -> Poll<Result<(), Over>> {
        if !packets.is_empty()
            && !self.lane.is_attended()
            && !self.conn.begin_session(self.client, &self.lanes)
        {
            // Nobody would take them out.
            packets.clear();
        }
        self.lane.poll_push(cx, packets)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.conn.half.shared.shard(self.client).detach(self.client);
    }
}

/// The clients that have appeared and wait for a session.
#[derive(Debug)]
pub struct Clients {
    arrivals: mpsc::Receiver<(ClientId, ClientConn)>,
}

impl Clients {
    /// The next client without a session; `None` when every [`QueuePacketConn`] is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no client is lost.
    pub async fn accept(&mut self) -> Option<(ClientId, ClientConn)> {
        self.arrivals.recv().await
    }
}

/// The packets of one client, over whichever carriers it has. Dropping it ends the client's session here.
///
/// Each WebSocket of the client is a carrier. While there is none it waits; how long is for the session to say.
#[derive(Debug)]
pub struct ClientConn {
    shared: Arc<Shared>,
    client: ClientId,
    trunk: Trunk,
}

impl ClientConn {
    /// Whose packets these are.
    pub fn client(&self) -> ClientId {
        self.client
    }
}

impl PacketConn for ClientConn {
    delegate!(self => self.trunk; poll_recv, poll_room, send, close, set_proven);
}

impl Drop for ClientConn {
    fn drop(&mut self) {
        // The trunk goes after this, and only then may the next begin. What it loses by this it is sent again.
        self.shared.shard(self.client).end_session(self.client);
    }
}
