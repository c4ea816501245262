//! The links of a lab are as slow, as long and as dark as they are told to be. Needs root; without, it says so.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use crate::support::ONE_AT_A_TIME;
use snowflake_snowbox::{
    lab::{
        namespace::Namespace,
        relay::{Relay, Way, Wire},
        shape::{QUEUE, Shape},
        topology,
    },
    progress::say,
    scenario::check_rights,
};
use tokio::time::Instant;

const PORT: u16 = 9;
const PACKET: usize = 1400;
/// IP and UDP headers.
const HEADERS: usize = 28;
/// What root may do.
const MADE: &str = "namespaces, devices and sockets can be made";
/// Longest wait for a packet that should come.
const LIMIT: Duration = Duration::from_secs(10);

/// Namespaces and links, one proxy's end for each link; `None` without the rights for them.
struct Links {
    client: Namespace,
    proxies: Vec<Namespace>,
    relay: Relay,
}

impl Links {
    async fn new(shape: Shape, count: usize) -> Option<Self> {
        if let Err(error) = check_rights() {
            say(format_args!("left out: {error}"));
            return None;
        }
        let client = Namespace::new().expect(MADE);
        let (mut proxies, mut wires) = (Vec::new(), Vec::new());
        for number in 0..count {
            let proxy = Namespace::new().expect(MADE);
            let device = topology::client_device(number);
            let ends = ((&proxy, topology::PROXY_DEVICE), (&client, device.as_str()));
            wires.push(Wire::new(ends.0, ends.1, &shape, 1).expect(MADE));
            let [near, far] = topology::link(number);
            client.ip(topology::link_end(&device, [near, far])).await.expect(MADE);
            proxy.ip(topology::link_end(topology::PROXY_DEVICE, [far, near])).await.expect(MADE);
            proxies.push(proxy);
        }
        Some(Self { client, proxies, relay: Relay::start(wires).expect(MADE) })
    }

    /// A socket at each end of a link, the client's connected to the proxy's and the other way round.
    fn sockets(&self, number: usize) -> [UdpSocket; 2] {
        let [near, far] = topology::link(number);
        [(&self.client, near, far), (&self.proxies[number], far, near)].map(
            |(namespace, here, there)| namespace.within(|| connected(here, there)).expect(MADE),
        )
    }
}

fn connected(here: Ipv4Addr, there: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((here, PORT))?;
    socket.connect((there, PORT))?;
    socket.set_read_timeout(Some(LIMIT))?;
    Ok(socket)
}

/// Sends as fast as the socket takes it for a second, and returns the bytes, headers included, that arrive in the last half.
fn blast(from: &UdpSocket, to: &UdpSocket) -> usize {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                // More than any link here takes, and far less than a processor can do.
                for _ in 0..8 {
                    let _ = from.send(&[0; PACKET]);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        let (start, mut bytes, mut buffer) = (Instant::now(), 0, [0; PACKET]);
        while start.elapsed() < Duration::from_secs(1) {
            let length = to.recv(&mut buffer).expect("packets arrive within 10 s");
            if start.elapsed() >= Duration::from_millis(500) {
                bytes += length + HEADERS;
            }
        }
        over.store(true, Relaxed);
        bytes
    })
}

#[tokio::test]
async fn the_delay_is_kept() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(links) = Links::new(Shape::new(20.0, Duration::from_millis(40)), 1).await else {
        return;
    };
    let [client, proxy] = links.sockets(0);
    let times: Vec<Duration> = (0..20_u8)
        .map(|number| {
            let start = Instant::now();
            client.send(&[number]).unwrap();
            assert_eq!(proxy.recv(&mut [0; 8]).unwrap(), 1);
            proxy.send(&[number]).unwrap();
            client.recv(&mut [0; 8]).unwrap();
            start.elapsed()
        })
        .collect();
    let shortest = times.iter().min().copied().unwrap_or_default();
    // Others may have the processors now and then, not always.
    assert!((40..43).contains(&shortest.as_millis()), "{times:?}");
}

#[tokio::test]
async fn the_rate_is_kept_by_one_fast_link_and_by_four_at_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    for (rate, count) in [(40.0, 1), (8.0, 4)] {
        let shape = Shape::new(rate, Duration::from_millis(20));
        let Some(links) = Links::new(shape, count).await else { return };
        let allowed = shape.bytes_in(Duration::from_millis(500)) as usize;
        let moved: Vec<usize> = thread::scope(|scope| {
            let sockets = (0..count).map(|number| links.sockets(number));
            let runs: Vec<_> = sockets
                .map(|[client, proxy]| scope.spawn(move || blast(&proxy, &client)))
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for bytes in moved {
            let range = allowed * 80 / 100..allowed * 105 / 100;
            assert!(range.contains(&bytes), "{bytes} of {allowed} bytes at {shape}");
        }
        let counts = links.relay.counts(0, Way::Down);
        assert!(counts.overflowed > 0, "the queue of {QUEUE:?} was never full: {counts:?}");
    }
}

#[tokio::test]
async fn a_dark_link_swallows_everything_until_it_is_light_again() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(links) = Links::new(Shape::new(8.0, Duration::ZERO), 1).await else { return };
    let [client, proxy] = links.sockets(0);
    links.relay.darken(0, true);
    client.send(b"lost").unwrap();
    while links.relay.swallowed(0) == 0 {
        thread::yield_now();
    }
    links.relay.darken(0, false);
    client.send(b"kept").unwrap();
    let mut buffer = [0; 8];
    let length = proxy.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"kept");
}
