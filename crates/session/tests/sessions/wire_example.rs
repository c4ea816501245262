//! The first bytes of a session on each hop, as a Go client and a Go server exchange them: our layers, one upon the
//! other, read them and write the same.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};
use snowflake_encapsulation::{Decoder, encode};
use snowflake_kcp::Kcp;
use snowflake_session::{Config, Listener};
use snowflake_smux::{Event, Read, Role, Smux, StreamId};
use snowflake_turbotunnel::{
    ClientId, PreambleParser, QueueConfig, QueuePacketConn, Step, preamble, read_preamble,
};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio_util::codec::{BytesCodec, Framed};

const ID: ClientId = ClientId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7]);
const CONV: u32 = 0x0403_0201;
const STREAM: StreamId = StreamId(3);

const PREAMBLE: &str = "1293605d278175f50001020304050607";
/// Without the mark that Go's does not send.
fn as_go(mut config: Config) -> Config {
    config.kcp.paced = false;
    config
}

/// The client opens a stream; 51 ms later it says "hello".
const SYN: &str = "a0010203045100ffff000000000000000000000000080000000200000003000000";
const HELLO: &str = "a5010203045100ffff3300000001000000000000000d000000020205000300000068656c6c6f";
/// The server acknowledges the one, then the other together with a window update.
const ACK: &str = "98010203045200feff00000000000000000100000000000000";
const ACK_AND_UPDATE: &str = "c040\
    010203045200ffff33000000010000000200000000000000\
    010203045100ffff3300000000000000020000001000000002040800030000000500000000001000";

fn at(millis: u64) -> Instant {
    snowflake_netsim::epoch() + Duration::from_millis(millis)
}

fn bytes(hex: &str) -> Bytes {
    hex::decode(hex).unwrap().into()
}

/// One end of a session without its driver.
struct End {
    decoder: Decoder,
    kcp: Kcp,
    smux: Smux,
}

impl End {
    fn new(role: Role) -> Self {
        let config = as_go(if role == Role::Client { Config::client() } else { Config::server() });
        Self {
            decoder: Decoder::new(1500),
            kcp: Kcp::new(CONV, config.kcp, at(0)),
            smux: Smux::new(role, config.smux, at(0)),
        }
    }

    /// Takes bytes of the carrier as far as KCP.
    fn receive(&mut self, millis: u64, wire: Bytes) {
        self.decoder.push(wire);
        while let Some(packet) = self.decoder.next_packet().unwrap() {
            self.kcp.handle_packet(at(millis), packet).unwrap();
        }
    }

    /// Moves what KCP has received to smux.
    fn read(&mut self, millis: u64) {
        while let Some(bytes) = self.kcp.read() {
            self.smux.handle_input(at(millis), bytes).unwrap();
        }
    }

    /// The next bytes for the carrier, in hexadecimal.
    fn send(&mut self, millis: u64) -> String {
        while let Some(bytes) = self.smux.poll_output(self.kcp.writable()) {
            assert_eq!(self.kcp.write(&bytes), bytes.len());
        }
        self.kcp.handle_timeout(at(millis));
        let (mut packet, mut chunk) = (BytesMut::new(), BytesMut::new());
        self.kcp.poll_transmit(at(millis), &mut packet).unwrap();
        encode(&packet, &mut chunk).unwrap();
        hex::encode(chunk)
    }
}

// The complete example of the first bytes on each hop, the client's side.
#[test]
fn our_client_sends_the_bytes_of_the_go_client_and_reads_those_of_the_server() {
    assert_eq!(hex::encode(preamble(ID)), PREAMBLE);
    let mut client = End::new(Role::Client);
    assert_eq!(client.smux.open(), Ok(STREAM));
    assert_eq!(client.send(0), SYN);
    client.receive(0, bytes(ACK));
    client.smux.write(STREAM, b"hello").unwrap();
    assert_eq!(client.send(51), HELLO);
    client.receive(51, bytes(ACK_AND_UPDATE));
    client.read(51);
    assert_eq!(client.kcp.in_flight(), 0, "both segments are acknowledged");
    // Without the update 256 KiB could leave.
    let mut allowed = 0;
    loop {
        client.smux.write(STREAM, &[0; 65536]).unwrap();
        let Some(bytes) = client.smux.poll_output(usize::MAX) else { break };
        allowed += bytes.len();
    }
    assert!(allowed > 1 << 20, "{allowed} bytes");
}

// The complete example of the first bytes on each hop, the server's side.
#[test]
fn our_server_reads_the_bytes_of_the_go_client_and_sends_those_of_the_server() {
    let Step::Finished(client, rest) =
        PreambleParser::default().step(bytes(&[PREAMBLE, SYN].concat())).unwrap()
    else {
        panic!("the preamble is complete");
    };
    assert_eq!(client, ID);
    let mut server = End::new(Role::Server);
    server.receive(0, rest);
    assert_eq!(server.send(20), ACK);
    server.read(10);
    assert_eq!(server.smux.poll_event(), Some(Event::Opened(STREAM)));
    server.receive(51, bytes(HELLO));
    server.read(51);
    assert_eq!(server.smux.read(STREAM, 100), Ok(Read::Data("hello".into())));
    assert_eq!(server.send(51), ACK_AND_UPDATE);
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_hello_however_the_carrier_cuts_the_bytes() {
    let wire = bytes(&[PREAMBLE, SYN, HELLO].concat());
    for size in [1, 2, 7, 50, wire.len()] {
        let (server, clients) = QueuePacketConn::new(QueueConfig::default());
        let mut listener = Listener::new(clients, as_go(Config::server()));
        let (near, far) = tokio::io::duplex(65536);
        let pipe = |io| Framed::new(io, BytesCodec::new()).map_ok(BytesMut::freeze);
        let (mut near, mut far) = (pipe(near), pipe(far));
        let serving = tokio::spawn(async move {
            let (id, rest) = read_preamble(&mut near, Duration::from_secs(30)).await.unwrap();
            server.serve(id, near, rest).await
        });
        for start in (0..wire.len()).step_by(size) {
            let piece = wire.slice(start..wire.len().min(start + size));
            far.send(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let (mut stream, id) = listener.accept().await.unwrap();
        assert_eq!(id, ID);
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"hello");
        serving.abort();
    }
}
