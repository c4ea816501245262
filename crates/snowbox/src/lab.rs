//! A small internet: client, core and proxies in namespaces of their own, and links between client and proxies that are as slow,
//! long and lossy as wanted.
//!
//! # What our own sockets hold
//! Echoes shall measure Snowflake's queues and not ours. The two TCP connections that we have with the programs, SOCKS and
//! ORPort, run over loopback, whose routes get a small window (see [`Lab::start`]) and whose buffers are as small; the kernel keeps at most
//! [`probe::UNSENT`](crate::probe::UNSENT) bytes and one frame in front of it. What remains in each direction is that window and
//! about 8 KiB. All other connections are as the programs make them: what waits in the WebSocket is part of what is measured.

pub mod namespace;
pub mod nat_probe;
pub mod relay;
pub mod shape;
pub mod topology;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::net::TcpStream;

use crate::{
    backbone::{Broker, Peers},
    error::{Doing, Error},
    loopback::{FINGERPRINT, program},
    managed,
    orport::OrPort,
    place::Place,
    probe::{FarEnd, Session},
    process::{Plan, Process},
    proxies,
    socks::Route,
    stun::StunServer,
};
use namespace::Namespace;
use nat_probe::NatProbe;
use relay::{Relay, Wire};
use shape::Shape;

const BROKER_PORT: u16 = 8080;
const RELAY_PORT: u16 = 8443;
/// Time that the fastest link needs for what our sockets hold.
const SOCKET_TIME: Duration = Duration::from_millis(20);
/// Smallest and largest window of our sockets: below, programs and kernel wake each other for every frame; above, nothing is won.
const SOCKET_WINDOW: [u64; 2] = [4 * 1024, 32 * 1024];
/// What the kernel's buffers are larger than a window: it counts its own overhead. A program that reads much at a time gets a
/// window beyond the route's as long as its buffer is not full.
const BUFFERED_PER_BYTE: u64 = 4;

/// Labs so far: the cables of one that has ended vanish a little later, so the next one needs other names.
static LABS: AtomicU32 = AtomicU32::new(0);

/// What a lab shall be like.
#[derive(Debug, Clone)]
pub struct Layout {
    /// One link, and a place for one proxy, each.
    pub links: Vec<Shape>,
    /// Proxies that the client may use at once.
    pub max: u8,
    /// Whether a proxy takes one client only, so that a second carrier needs a second proxy.
    pub one_client_each: bool,
    /// What the random losses follow from.
    pub seed: u64,
}

/// A running lab without proxies, to which proxies can be added. Dropping it ends everything.
#[derive(Debug)]
pub struct Lab<'a> {
    /// The links, in the order of the layout.
    pub relay: Relay,
    place: &'a Place,
    proxies: Vec<Option<Process>>,
    started: usize,
    flags: Vec<String>,
    route: Route,
    far_end: Arc<FarEnd>,
    broker: Broker,
    programs: [Process; 2],
    _orport: OrPort,
    _stun: StunServer,
    _nat_probe: NatProbe,
    client: Namespace,
    sites: Vec<Namespace>,
}

impl<'a> Lab<'a> {
    /// Starts everything but the proxies. The window of our sockets is what the fastest link moves in 20 ms, and 4 to 32 KiB.
    ///
    /// # Errors
    /// When a namespace or a link cannot be made, or a program is not ready in time; the message names it.
    pub async fn start(place: &'a Place, layout: &Layout) -> Result<Self, Error> {
        let core = Namespace::current()?;
        core.ip(topology::core()).await?;
        let (client, sites, relay) = lay_out(&core, layout).await?;
        let window = layout.links.iter().map(|shape| shape.bytes_in(SOCKET_TIME)).max();
        let [least, most] = SOCKET_WINDOW;
        let window = window.unwrap_or(0).clamp(least, most);
        for end in [&core, &client] {
            end.limit_receive_buffers(BUFFERED_PER_BYTE * window)?;
            end.ip([&topology::short_loopback(window)]).await?;
        }

        let far_end = Arc::new(FarEnd::default());
        let state = place.directory("state")?;
        let orport = OrPort::start(&state, far_end.clone().on_connection());
        let orport = orport.await.doing("starting the Extended ORPort")?;
        let plan = program("server", &place.programs.server, place).args(["-disable-tls"]);
        let bind = (topology::CORE, RELAY_PORT).into();
        let (server, relay_address) =
            managed::start_server(plan, bind, &orport, &state, place.logs()).await?;
        let stun = StunServer::start([topology::CORE, topology::CORE_OTHER]).await;
        let stun = stun.doing("starting the STUN server")?;
        let broker_address: SocketAddr = (topology::CORE, BROKER_PORT).into();
        let broker = Broker::start(place, broker_address, FINGERPRINT, relay_address).await?;
        let nat_probe = NatProbe::start(topology::CORE).await.doing("starting the NAT probe")?;
        let peers = Peers {
            nat_probe: nat_probe.url(),
            broker: broker.url(),
            relay: relay_address,
            stun: stun.url(),
        };
        let mut flags = proxies::flags(place, &peers).await?;
        if layout.one_client_each {
            flags.extend(["-capacity", "1"].map(String::from));
        }
        let mut plan = program("client", &place.programs.client, place);
        plan.namespace = Some(client.path());
        let (client_program, socks) = managed::start_client(plan, &state, place.logs()).await?;
        let args = broker.client_args(FINGERPRINT, &stun.url(), layout.max).to_string();
        Ok(Self {
            relay,
            place,
            proxies: sites.iter().map(|_| None).collect(),
            started: 0,
            flags,
            route: Route { socks, args: Some(args), target: ([192, 0, 2, 3], 80).into() },
            far_end,
            broker,
            programs: [client_program, server],
            _orport: orport,
            _stun: stun,
            _nat_probe: nat_probe,
            client,
            sites,
        })
    }

    /// Starts everything and a proxy at every link, and waits until all of them wait at the broker.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn with_proxies(place: &'a Place, layout: &Layout) -> Result<Self, Error> {
        let mut lab = Self::start(place, layout).await?;
        for link in 0..layout.links.len() {
            lab.start_proxy(link)?;
        }
        lab.proxies_wait(layout.links.len()).await?;
        Ok(lab)
    }

    /// How many links there are.
    pub fn links(&self) -> usize {
        self.sites.len()
    }

    /// Starts a proxy at a link, in the place of the one that was there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_proxy(&mut self, link: usize) -> Result<(), Error> {
        self.started += 1;
        let name = format!("proxy {}", self.started);
        let mut plan = Plan::new(name, &self.place.programs.proxy).args(&self.flags);
        plan.namespace = Some(self.sites[link].path());
        plan.env.extend(self.place.log_levels());
        self.proxies[link] = None;
        self.proxies[link] = Some(plan.start(self.place.logs())?);
        Ok(())
    }

    /// Waits until so many proxies, or more, wait at the broker.
    ///
    /// # Errors
    /// When they do not within 60 s.
    pub async fn proxies_wait(&mut self, count: usize) -> Result<(), Error> {
        self.broker.has_proxies(count).await
    }

    /// Sends a signal to the proxy at a link.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, link: usize, signal: Signal) -> Result<(), Error> {
        self.proxies[link].as_ref().map_or(Ok(()), |proxy| proxy.signal(signal))
    }

    /// Opens a Snowflake session: a SOCKS connection with our two ends.
    ///
    /// # Errors
    /// When the client refuses.
    pub async fn open_session(&self) -> Result<Session, Error> {
        let socks = self.route.socks;
        let stream = self.client.within(|| {
            let stream = std::net::TcpStream::connect(socks)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        });
        let stream = stream.and_then(TcpStream::from_std).doing("connecting to the client")?;
        let (session, near) = Session::prepare(&self.far_end)?;
        session.open(near, &self.route, stream).await
    }

    /// Ends every program and waits until they are gone.
    ///
    /// # Errors
    /// When one does not end within 10 s.
    pub async fn end(mut self) -> Result<(), Error> {
        let transports = self.programs.iter_mut().chain([&mut self.broker.process]);
        for process in self.proxies.iter_mut().flatten().chain(transports) {
            process.kill().await?;
        }
        Ok(())
    }

    /// The client.
    pub fn client(&self) -> &Process {
        &self.programs[0]
    }

    /// CPU time of client, proxies and server so far; that of proxies that have ended is not in it.
    pub fn cpu(&self) -> [(&'static str, Duration); 3] {
        let of = |process: &Process| process.usage().unwrap_or_default().cpu;
        let [client, server] = &self.programs;
        let proxies = self.proxies.iter().flatten().map(of).sum();
        [("client", of(client)), ("proxy", proxies), ("server", of(server))]
    }

    /// Cuts the client off from everything, or ends that: the links are dark, the broker stands still.
    ///
    /// # Errors
    /// When the broker has ended.
    pub fn cut_off(&self, dark: bool) -> Result<(), Error> {
        (0..self.links()).for_each(|link| self.relay.darken(link, dark));
        self.broker.process.signal(if dark { Signal::SIGSTOP } else { Signal::SIGCONT })
    }

    /// The link that moves most bytes within a second.
    pub async fn carrying_link(&self) -> usize {
        let bytes =
            || -> Vec<u64> { (0..self.links()).map(|at| self.relay.delivered(at)).collect() };
        let before = bytes();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let moved = bytes().into_iter().zip(before).map(|(after, before)| after - before);
        moved.enumerate().max_by_key(|(_, bytes)| *bytes).map_or(0, |(link, _)| link)
    }
}

/// Namespaces, cables and links.
async fn lay_out(
    core: &Namespace,
    layout: &Layout,
) -> Result<(Namespace, Vec<Namespace>, Relay), Error> {
    let client = Namespace::new()?;
    let lab = LABS.fetch_add(1, Relaxed);
    let of_client: Vec<_> =
        (0..layout.links.len()).map(|number| topology::link(number)[0]).collect();
    core.ip(topology::cable_in_core(lab, 0, &client.path(), &of_client)).await?;
    client.ip(topology::cable_in_site(0)).await?;
    let (mut sites, mut wires) = (Vec::new(), Vec::new());
    for (number, shape) in layout.links.iter().enumerate() {
        let site = Namespace::new()?;
        let [near, far] = topology::link(number);
        core.ip(topology::cable_in_core(lab, number + 1, &site.path(), &[far])).await?;
        site.ip(topology::cable_in_site(number + 1)).await?;
        let device = topology::client_device(number);
        let seed = layout.seed.wrapping_add(number as u64);
        let wire = Wire::new((&site, topology::PROXY_DEVICE), (&client, &device), shape, seed);
        wires.push(wire.doing("making a link out of TUN devices")?);
        site.ip(topology::link_end(topology::PROXY_DEVICE, [far, near])).await?;
        client.ip(topology::link_end(&device, [near, far])).await?;
        sites.push(site);
    }
    let relay = Relay::start(wires).doing("starting the links")?;
    Ok((client, sites, relay))
}
