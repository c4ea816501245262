//! What the broker hears of our NAT, and when.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use snowflake_nat::stand_in;

use crate::support::*;

/// A STUN server with two addresses, towards which there is no NAT, or one that lets through only what comes from whom was
/// sent to; returns the argument that names it.
fn stun_server(is_filtered: bool) -> String {
    let [one, two] =
        [1, 2].map(|host| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0)).unwrap());
    let url = format!("ice=stun:{}", one.local_addr().unwrap());
    let other = Some(two.local_addr().unwrap());
    for (here, there) in
        [(one.try_clone().unwrap(), two.try_clone().unwrap()), (two.try_clone().unwrap(), two)]
    {
        std::thread::spawn(move || {
            let mut request = [0; 100];
            while let Ok((length, from)) = here.recv_from(&mut request) {
                let id = request[8..20].try_into().unwrap();
                let answer = stand_in::answer(id, from, other);
                // Those that are longer than their header ask for an answer from elsewhere.
                let from_elsewhere = length > 20;
                if !from_elsewhere {
                    here.send_to(&answer, from).unwrap();
                } else if !is_filtered {
                    there.send_to(&answer, from).unwrap();
                }
            }
        });
    }
    url
}

/// What the client tells a broker about its NAT in each request.
fn nats_told(
    stun: &str,
    respond: impl Fn(&str) -> String + Send + 'static,
) -> (Client, Receiver<String>, PathBuf) {
    let (told, nats) = std::sync::mpsc::channel();
    let broker = broker_of_many(move |body| {
        let (_, rest) = body.split_once("\"nat\":\"").unwrap();
        let nat = rest.split_once('"').unwrap().0;
        let _ = told.send(nat.to_owned());
        respond(nat)
    });
    let log = std::env::temp_dir().join(broker.replace(['/', ':'], "-"));
    let flags = ["-keep-local-addresses", "-log", log.to_str().unwrap()];
    let mut client = Client::start(&flags, &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    assert_eq!(connect(address, &format!("{broker};{stun}"))[1], 0);
    (client, nats, log)
}

/// Go's client measures while it dials, too, and then says what it found.
#[test]
fn the_broker_hears_what_our_nat_does_as_soon_as_that_is_known() {
    let (client, nats, log) = nats_told(&stun_server(false), |_| ok(NO_PROXIES));
    // The first one may come before there is an answer.
    let first = nats.recv_timeout(LIMIT).unwrap();
    assert!(["unrestricted", "open"].contains(&first.as_str()), "{first}");
    assert_eq!(nats.recv_timeout(LIMIT).unwrap(), "open");
    assert!(client.close().success());
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(log).unwrap();
    assert!(lines.contains("NAT Type: open\n"), "{lines}");
    assert!(lines.contains("natTypeToSend: \"open\" (same as actualNatType)\n"), "{lines}");
    if first != "open" {
        let guess = "Our NAT type is \"unknown\", but let's tell the broker it's \"unrestricted\".";
        assert!(lines.contains(guess), "{lines}");
    }
}

/// It takes 3 s to find out that nothing comes through a filter.
#[test]
fn no_dial_waits_for_what_our_nat_does() {
    let (client, nats, log) = nats_told(&stun_server(true), |_| ok(NO_PROXIES));
    assert_eq!(nats.recv_timeout(LIMIT).unwrap(), "unrestricted");
    let mut told = (0..10).map(|_| nats.recv_timeout(LIMIT).unwrap());
    assert_eq!(told.find(|nat| nat != "unrestricted").as_deref(), Some("moderate"));
    assert!(client.close().success());
    std::fs::remove_file(log).unwrap();
}

/// Those up to 2.14.1 know the old words only.
#[test]
fn a_broker_that_refuses_the_new_words_hears_the_old_ones_from_then_on() {
    let (client, nats, log) = nats_told(&stun_server(false), |nat| match nat {
        "unrestricted" | "restricted" | "unknown" => ok(NO_PROXIES),
        _ => ok("{\"error\":\"invalid NAT type\"}"),
    });
    let next = || nats.recv_timeout(LIMIT).unwrap();
    let first = next();
    if first != "open" {
        assert_eq!([first, next()], ["unrestricted", "open"]);
    }
    assert_eq!([next(), next(), next()], ["unrestricted"; 3]);
    assert!(client.close().success());
    std::fs::remove_file(log).unwrap();
}
