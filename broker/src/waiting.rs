//! The waiting room: parks a proxy until an offer comes, and a client until its proxy's answer
//! comes.
//!
//! Hand-over happens under one lock, so each poll gets at most one offer and each offer at most one
//! answer, and nobody's timer can slip in between. Whoever stops waiting, for whatever reason,
//! leaves by a drop guard: a proxy whose connection closed is out of its pool at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snowflake_messages::{DescriptionText, NatType, ProxyPollRequest, ProxyType, Sid};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::Limits;
use crate::matching::{Pools, Ticket};

/// What a client gives to a proxy.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) text: DescriptionText,
    pub(crate) nat: NatType,
    /// Of the bridge that the client asked for.
    pub(crate) relay_url: Arc<str>,
}

/// Why a client got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Nobody suitable waits, or too many clients do.
    NoProxies,
    /// The proxy did not answer in time, or the broker stops.
    TimedOut,
}

/// A proxy in a pool.
struct Parked {
    sid: Sid,
    proxy_type: ProxyType,
    nat: NatType,
    offer: oneshot::Sender<Arc<Offer>>,
}

/// Who owns a session id.
enum Holder {
    /// A proxy that waits.
    Proxy,
    /// A client that waits for the answer of the proxy that had this ticket, and is of this type.
    Client(Ticket, ProxyType, oneshot::Sender<DescriptionText>),
}

#[derive(Default)]
struct State {
    pools: Pools<Parked>,
    /// Each id has one owner. A second poll with an id in use is turned away, so it can neither
    /// steal nor delete.
    sids: HashMap<Sid, Holder>,
    clients: usize,
}

/// Proxies that wait for offers and clients that wait for answers.
pub(crate) struct WaitingRoom {
    state: Mutex<State>,
    limits: Limits,
    closing: CancellationToken,
}

impl WaitingRoom {
    /// An empty room. When `closing` is cancelled, every wait ends at once, without result.
    pub(crate) fn new(limits: Limits, closing: CancellationToken) -> Self {
        Self { state: Mutex::default(), limits, closing }
    }

    /// Parks a proxy until a client comes, for at most [`Limits::proxy_wait`].
    ///
    /// `None` at once if the room is full or the session id is in use.
    ///
    /// # Cancel safety
    /// Dropped, the proxy has left. An offer that came in the same instant goes to the next proxy.
    pub(crate) async fn wait_for_offer(&self, poll: &ProxyPollRequest) -> Option<Arc<Offer>> {
        let mut seat = self.seat(poll)?;
        let offer = timeout(self.limits.proxy_wait, &mut seat.offer);
        match self.closing.run_until_cancelled(offer).await {
            Some(Ok(Ok(offer))) => Some(offer),
            _ => seat.leave(),
        }
    }

    /// Gives a client's offer to a proxy and waits for the answer, for at most
    /// [`Limits::client_wait`].
    ///
    /// # Cancel safety
    /// Dropped, the client has left; a later answer is turned away.
    pub(crate) async fn wait_for_answer(
        &self,
        offer: Arc<Offer>,
    ) -> Result<DescriptionText, NoAnswer> {
        let deadline = Instant::now() + self.limits.client_wait;
        loop {
            let mut pending = self.hand_over_offer(&offer).ok_or(NoAnswer::NoProxies)?;
            let answer = timeout_at(deadline, &mut pending.answer);
            match self.closing.run_until_cancelled(answer).await {
                Some(Ok(Ok(answer))) => return Ok(answer),
                // The proxy hung up before it got the offer: there may be another.
                Some(Ok(Err(_))) => {}
                Some(Err(_)) | None => return pending.leave().ok_or(NoAnswer::TimedOut),
            }
        }
    }

    /// Gives a proxy's answer to its client; the proxy's type. `None` if the client is gone or got
    /// one already, or the id was never known.
    pub(crate) fn hand_over_answer(&self, sid: &Sid, answer: DescriptionText) -> Option<ProxyType> {
        let mut state = self.lock();
        match state.sids.remove(sid) {
            Some(Holder::Client(_, proxy_type, client)) => {
                client.send(answer).is_ok().then_some(proxy_type)
            }
            Some(Holder::Proxy) => {
                state.sids.insert(sid.clone(), Holder::Proxy);
                None
            }
            None => None,
        }
    }

    /// Type and NAT of each waiting proxy.
    pub(crate) fn census(&self) -> Vec<(ProxyType, NatType)> {
        self.lock().pools.iter().map(|proxy| (proxy.proxy_type, proxy.nat)).collect()
    }

    fn seat(&self, poll: &ProxyPollRequest) -> Option<ProxySeat<'_>> {
        let mut state = self.lock();
        if state.pools.len() >= self.limits.proxies {
            return None;
        }
        let Entry::Vacant(entry) = state.sids.entry(poll.sid.clone()) else { return None };
        entry.insert(Holder::Proxy);
        let (sender, offer) = oneshot::channel();
        let (sid, nat) = (poll.sid.clone(), poll.nat);
        let parked = Parked { sid: sid.clone(), proxy_type: poll.proxy_type, nat, offer: sender };
        let ticket = state.pools.add(nat, poll.clients, parked);
        Some(ProxySeat { room: self, sid, nat, ticket, offer })
    }

    /// Takes proxies until one accepts the offer.
    fn hand_over_offer(&self, offer: &Arc<Offer>) -> Option<PendingClient<'_>> {
        let mut state = self.lock();
        if state.clients >= self.limits.clients {
            return None;
        }
        while let Some((ticket, proxy)) = state.pools.take(offer.nat) {
            if proxy.offer.send(Arc::clone(offer)).is_err() {
                state.sids.remove(&proxy.sid);
                continue;
            }
            let (sender, answer) = oneshot::channel();
            state.sids.insert(proxy.sid.clone(), Holder::Client(ticket, proxy.proxy_type, sender));
            state.clients += 1;
            return Some(PendingClient { room: self, sid: proxy.sid, ticket, answer });
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics; were it so, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets the client that waits for the answer of the proxy with this ticket, if it still
    /// does.
    fn forget_client(&mut self, sid: &Sid, ticket: Ticket) {
        if matches!(self.sids.get(sid), Some(Holder::Client(owner, ..)) if *owner == ticket) {
            self.sids.remove(sid);
        }
    }
}

/// A parked proxy's hold on its place.
struct ProxySeat<'a> {
    room: &'a WaitingRoom,
    sid: Sid,
    nat: NatType,
    ticket: Ticket,
    offer: oneshot::Receiver<Arc<Offer>>,
}

impl ProxySeat<'_> {
    /// Leaves the pool; an offer that came in the last instant is returned.
    fn leave(&mut self) -> Option<Arc<Offer>> {
        let mut state = self.room.lock();
        if state.pools.remove(self.nat, self.ticket).is_some() {
            state.sids.remove(&self.sid);
            return None;
        }
        self.offer.try_recv().ok()
    }
}

impl Drop for ProxySeat<'_> {
    fn drop(&mut self) {
        if self.leave().is_some() {
            // Nobody will read this offer: dropping the client's channel tells it to try the next
            // proxy.
            self.room.lock().forget_client(&self.sid, self.ticket);
        }
    }
}

/// A waiting client's hold on the session id of its proxy.
struct PendingClient<'a> {
    room: &'a WaitingRoom,
    sid: Sid,
    ticket: Ticket,
    answer: oneshot::Receiver<DescriptionText>,
}

impl PendingClient<'_> {
    /// Stops waiting; an answer that came in the last instant is returned.
    fn leave(&mut self) -> Option<DescriptionText> {
        self.room.lock().forget_client(&self.sid, self.ticket);
        self.answer.try_recv().ok()
    }
}

impl Drop for PendingClient<'_> {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.forget_client(&self.sid, self.ticket);
        state.clients -= 1;
    }
}

#[cfg(test)]
mod tests;
