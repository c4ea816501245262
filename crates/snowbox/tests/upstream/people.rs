//! Who is in the world, and the client at home.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::mpsc::{Receiver, Sender},
};

use snowflake_messages::SessionDescription;
use snowflake_pt::UpstreamProxy;
use snowflake_snowbox::stun::StunServer;
use snowflake_webrtc::{Config, DataChannel, answer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::{
    lab::CORE,
    support::{LIMIT, listed, next, within},
};

const NAME_SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(1, 1, 1, 1), 53);
const STUN_NAME: &str = "stun.example";
const BROKER_PORT: u16 = 8080;

/// The world: a name server, STUN, and a broker that is a Snowflake proxy as well, until it has been reached.
pub(crate) async fn world(ready: Sender<u16>, heard: Sender<String>) {
    let stun = StunServer::start(CORE).await.unwrap();
    let names = tokio::spawn(name_server());
    let broker = TcpListener::bind((CORE[0], BROKER_PORT)).await.unwrap();
    ready.send(listed(&stun)[0].port).unwrap();
    loop {
        let (stream, _) = within(broker.accept()).await.unwrap();
        if let Some(mut channel) = within(poll(stream, &heard)).await {
            let first = next(&mut channel).await.unwrap().unwrap();
            heard.send(format!("preamble {}", first[0])).unwrap();
            names.abort();
            return;
        }
    }
}

/// Answers that the only name is at the first address.
async fn name_server() {
    let socket = UdpSocket::bind(NAME_SERVER).await.unwrap();
    let mut message = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut message).await.unwrap();
        let mut answer = message[..length].to_vec();
        assert!(answer.windows(5).any(|name| name == b"\x04stun"), "{answer:?}");
        (answer[2], answer[7]) = (0x81, 1);
        answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
        answer.extend(CORE[0].octets());
        socket.send_to(&answer, from).await.unwrap();
    }
}

/// A client's poll: has no proxy until the client knows its NAT, then is one.
async fn poll(mut stream: TcpStream, heard: &Sender<String>) -> Option<DataChannel> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request is whole");
    }
    let from = stream.peer_addr().unwrap().ip();
    let start = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let body = snowflake_messages::ClientPollRequest::decode(&request[start + 4..]).unwrap();
    heard.send(format!("{from} {}", body.nat.as_str())).unwrap();
    let is_known = body.nat.as_str() != "unrestricted";
    let (reply, answerer) = if is_known {
        let offer = SessionDescription::parse(body.offer.as_str()).unwrap();
        let answerer = answer(&Config::default(), &offer.sdp).await.unwrap();
        let text = SessionDescription::answer(answerer.sdp()).to_text();
        (serde_json::json!({ "answer": text.as_str() }), Some(answerer))
    } else {
        (serde_json::json!({ "error": "no snowflake proxies currently available" }), None)
    };
    let reply = reply.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
    stream.write_all((head + &reply).as_bytes()).await.unwrap();
    Some(answerer?.open(LIMIT).await.unwrap())
}

/// The client, with the settings of a bridge line and TOR_PT_PROXY, until the test is over.
pub(crate) async fn client(proxy: SocketAddr, stun_port: u16, over: Receiver<()>) {
    let args = snowflake_cli::parse_from(
        snowflake_cli::Program { name: "snowflake-client", version: "0" },
        ["-keep-local-addresses"],
    );
    let line = format!("url=http://{}:{BROKER_PORT}/;ice=stun:{STUN_NAME}:{stun_port}", CORE[0]);
    let line = snowflake_pt::Args::parse(&line).unwrap();
    let upstream = UpstreamProxy::parse(&format!("socks5://user:password@{proxy}")).unwrap();
    let upstream = snowflake_client::Upstream::new(upstream);
    upstream.test().await.unwrap();
    let upstream = Some(&upstream);
    let config = snowflake_client::ClientConfig::of_line(&args.unwrap(), &line, upstream).unwrap();
    let connection = snowflake_client::Client::new(config).unwrap().open().unwrap();
    tokio::task::spawn_blocking(move || over.recv()).await.unwrap().unwrap_err();
    drop(connection);
}
