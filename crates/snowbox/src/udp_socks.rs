//! A SOCKS5 server that carries datagrams too, as if a NAT of a kind stood behind it (RFC 1928, RFC 1929).
//!
//! | NAT | datagrams leave from | and come in from |
//! |---|---|---|
//! | [`Nat::Strict`] | a port of its own for each destination | that destination |
//! | [`Nat::Moderate`] | one port for each association | where one was sent to |
//!
//! A probe server behind two of them finds out what a proxy's NAT lets in; a user behind one has a way out.

mod associate;
mod talk;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::listener;
use associate::associate;
use talk::{Request, Wish};

/// Connections at once: each session of a client, and each question of a proxy, has one for a second or an hour.
const MAX_CONNECTIONS: usize = 1024;

/// What stands behind the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Another port for each destination, which alone may answer.
    Strict,
    /// One port, and answers from where something was sent to.
    Moderate,
}

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it listens, for connections and for its clients' datagrams.
    pub address: Ipv4Addr,
    /// Where its clients' datagrams leave from.
    pub outside: Ipv4Addr,
    /// What it does to them.
    pub nat: Nat,
    /// The only user name and password that it takes; without them it wants none.
    pub user: Option<[String; 2]>,
}

impl Plan {
    /// For everybody, on loopback.
    pub fn on_loopback(nat: Nat) -> Self {
        Self { address: Ipv4Addr::LOCALHOST, outside: Ipv4Addr::LOCALHOST, nat, user: None }
    }
}

/// What has passed through so far.
#[derive(Debug, Default)]
pub struct Carried {
    connections: AtomicUsize,
    associations: AtomicUsize,
    out: AtomicUsize,
    back: AtomicUsize,
}

impl Carried {
    /// Connections made for clients.
    pub fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Clients that asked for a way for datagrams.
    pub fn associations(&self) -> usize {
        self.associations.load(Relaxed)
    }

    /// Datagrams that went out, and those that came back.
    pub fn datagrams(&self) -> [usize; 2] {
        [&self.out, &self.back].map(|count| count.load(Relaxed))
    }
}

/// A running server; it ends when this is dropped, and all that goes through it.
#[derive(Debug)]
pub struct UdpSocks {
    address: SocketAddr,
    carried: Arc<Carried>,
    _tasks: JoinSet<()>,
}

impl UdpSocks {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When none can be bound.
    pub async fn start(plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind((plan.address, 0)).await?;
        let address = listener.local_addr()?;
        let (plan, carried) = (Arc::new(plan), Arc::<Carried>::default());
        let counts = carried.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(listener, MAX_CONNECTIONS, move |stream| {
            let (plan, carried) = (plan.clone(), counts.clone());
            // A client that breaks off, or whom nobody answers, has lost its connection and nothing else.
            async move { drop(serve(stream, &plan, &carried).await) }
        }));
        Ok(Self { address, carried, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has passed through so far.
    pub fn carried(&self) -> &Carried {
        &self.carried
    }
}

async fn serve(mut stream: TcpStream, plan: &Plan, carried: &Carried) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Request { wish, target } = talk::listen(&mut stream, plan.user.as_ref()).await?;
    match wish {
        Wish::Connect => {
            let Ok(mut there) = target.connect().await else {
                return talk::refuse(&mut stream, talk::CONNECTION_REFUSED).await;
            };
            carried.connections.fetch_add(1, Relaxed);
            talk::grant(&mut stream, there.local_addr()?).await?;
            copy_bidirectional(&mut stream, &mut there).await.map(drop)
        }
        Wish::Associate => {
            carried.associations.fetch_add(1, Relaxed);
            associate(stream, plan, carried).await
        }
    }
}

/// Whether a datagram is from the client, whose connection comes from `client`.
fn is_of(client: IpAddr, from: SocketAddr) -> bool {
    from.ip().to_canonical() == client.to_canonical()
}

#[cfg(test)]
mod tests;
