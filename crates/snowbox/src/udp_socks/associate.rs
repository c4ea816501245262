//! Datagrams of one client, in both directions, until its connection ends.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use snowflake_socks5::datagram;
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, UdpSocket},
    task::JoinSet,
};

use super::{Carried, Nat, Plan, is_of, talk};

/// Longest datagram that is carried; WebRTC's are shorter.
const MAX_DATAGRAM: usize = 2048;

/// Destinations of one client; datagrams for further ones are dropped.
const MAX_DESTINATIONS: usize = 256;

pub(super) async fn associate(
    mut stream: TcpStream,
    plan: &Plan,
    carried: &Carried,
) -> io::Result<()> {
    let inside = UdpSocket::bind((plan.address, 0)).await?;
    let inside = Inside { socket: Arc::new(inside), of: stream.peer_addr()?, carried };
    talk::grant(&mut stream, inside.socket.local_addr()?).await?;
    let carrying = async {
        match plan.nat {
            Nat::Moderate => moderate(&inside, plan.outside).await,
            Nat::Strict => strict(&inside, plan.outside).await,
        }
    };
    let mut nothing = [0];
    tokio::select! {
        failed = carrying => failed,
        // The client says nothing more, it only ends.
        ended = stream.read(&mut nothing) => ended.map(drop),
    }
}

/// The side on which the client is.
struct Inside<'a> {
    socket: Arc<UdpSocket>,
    /// Its connection's other end.
    of: SocketAddr,
    carried: &'a Carried,
}

impl Inside<'_> {
    /// A datagram of the client, and where it is and where it goes.
    async fn next<'b>(
        &self,
        buffer: &'b mut [u8],
    ) -> io::Result<(SocketAddr, SocketAddr, &'b [u8])> {
        loop {
            let (length, client) = self.socket.recv_from(buffer).await?;
            if let Some((to, start)) = datagram::decode(&buffer[..length])
                && is_of(self.of.ip(), client)
            {
                self.carried.out.fetch_add(1, Relaxed);
                return Ok((client, to, &buffer[start..length]));
            }
        }
    }

    async fn pass_on(&self, from: SocketAddr, payload: &[u8], client: SocketAddr) {
        let mut whole = Vec::new();
        datagram::encode(from, payload, &mut whole);
        self.carried.back.fetch_add(1, Relaxed);
        // Datagrams get lost.
        let _ = self.socket.send_to(&whole, client).await;
    }
}

async fn moderate(inside: &Inside<'_>, outside: Ipv4Addr) -> io::Result<()> {
    let socket = UdpSocket::bind((outside, 0)).await?;
    let (mut known, mut client) = (HashSet::new(), None);
    let mut buffers = [[0; MAX_DATAGRAM]; 2];
    let [ours, theirs] = &mut buffers;
    loop {
        tokio::select! {
            next = inside.next(ours) => {
                let (from, to, payload) = next?;
                client = Some(from);
                if known.contains(&to) || known.len() < MAX_DESTINATIONS && known.insert(to) {
                    let _ = socket.send_to(payload, to).await;
                }
            }
            received = socket.recv_from(theirs) => {
                // Errors are those of something sent before.
                let (Ok((length, from)), Some(client)) = (received, client) else { continue };
                if known.contains(&from) {
                    inside.pass_on(from, &theirs[..length], client).await;
                }
            }
        }
    }
}

async fn strict(inside: &Inside<'_>, outside: Ipv4Addr) -> io::Result<()> {
    let (mut ports, mut client) = (HashMap::<SocketAddr, Arc<UdpSocket>>::new(), None);
    let mut answers = JoinSet::new();
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        tokio::select! {
            next = inside.next(&mut buffer) => {
                let (from, to, payload) = next?;
                client = Some(from);
                let has_room = ports.len() < MAX_DESTINATIONS;
                let port = match ports.entry(to) {
                    Entry::Occupied(port) => port.into_mut(),
                    Entry::Vacant(_) if !has_room => continue,
                    Entry::Vacant(free) => {
                        let socket = Arc::new(UdpSocket::bind((outside, 0)).await?);
                        if socket.connect(to).await.is_err() {
                            // No way leads there from here.
                            continue;
                        }
                        answers.spawn(answer(socket.clone(), to));
                        free.insert(socket)
                    }
                };
                let _ = port.send(payload).await;
            }
            Some(Ok((socket, from, payload))) = answers.join_next() => {
                if let (Some(payload), Some(client)) = (payload, client) {
                    inside.pass_on(from, &payload, client).await;
                }
                answers.spawn(answer(socket, from));
            }
        }
    }
}

/// What comes next from there; nothing for an error, which is that of something sent before.
async fn answer(
    socket: Arc<UdpSocket>,
    from: SocketAddr,
) -> (Arc<UdpSocket>, SocketAddr, Option<Vec<u8>>) {
    let mut payload = vec![0; MAX_DATAGRAM];
    let received = socket.recv(&mut payload).await;
    let payload = received.ok().map(|length| {
        payload.truncate(length);
        payload
    });
    (socket, from, payload)
}
