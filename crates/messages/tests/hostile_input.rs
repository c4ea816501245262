//! Whatever a peer sends: an error or a message, never a panic; and what we write, we read back.

use std::time::Duration;

use proptest::prelude::*;
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, DescriptionText, Fingerprint, NatType, PollOutcome,
    ProxyAnswerRequest, ProxyAnswerResponse, ProxyPollRequest, ProxyPollResponse, ProxyType,
    RelayPattern, SessionDescription, Sid, probe,
};

/// Feeds `body` to every decoder.
fn decode_all(body: &[u8]) {
    let _ = ClientPollRequest::decode(body);
    let _ = ClientPollResponse::decode(body);
    let _ = ProxyPollRequest::decode(body);
    let _ = ProxyPollResponse::decode(body);
    let _ = ProxyAnswerRequest::decode(body);
    let _ = ProxyAnswerResponse::decode(body);
    let _ = probe::decode_offer(body);
    let _ = probe::decode_answer(body);
    let _ = ProxyAnswerRequest::names_candidate(body);
    if let Ok(text) = std::str::from_utf8(body) {
        let _ = SessionDescription::parse(text);
        let _ = text.parse::<Fingerprint>();
        let _ = text.parse::<NatType>();
    }
}

fn description() -> impl Strategy<Value = DescriptionText> {
    any::<String>().prop_map(|sdp| SessionDescription::offer(sdp).to_text())
}

fn nat() -> impl Strategy<Value = NatType> {
    prop::sample::select(NatType::ALL.to_vec())
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    prop_oneof![
        any::<[u8; 20]>().prop_map(Fingerprint::Rsa),
        any::<[u8; 32]>().prop_map(Fingerprint::Ed25519)
    ]
}

fn sid() -> impl Strategy<Value = Sid> {
    any::<[u8; 16]>().prop_map(Sid::from_random)
}

fn client_poll() -> impl Strategy<Value = ClientPollRequest> {
    (description(), nat(), fingerprint()).prop_map(|(offer, nat, fingerprint)| ClientPollRequest {
        offer,
        nat,
        fingerprint,
    })
}

fn proxy_poll() -> impl Strategy<Value = ProxyPollRequest> {
    let proxy_type = prop::sample::select(ProxyType::KNOWN.to_vec());
    let pattern = prop::option::of(any::<String>().prop_map(RelayPattern::new));
    (sid(), proxy_type, nat(), 0..=i64::MAX as u64, pattern).prop_map(
        |(sid, proxy_type, nat, clients, accepted_relay_pattern)| ProxyPollRequest {
            sid,
            proxy_type,
            nat,
            clients,
            accepted_relay_pattern,
        },
    )
}

fn proxy_response() -> impl Strategy<Value = ProxyPollResponse> {
    let matched = (description(), nat(), any::<String>())
        .prop_map(|(offer, nat, relay_url)| PollOutcome::Match { offer, nat, relay_url });
    let outcome = prop_oneof![
        matched,
        Just(PollOutcome::NoMatch),
        "[a-z]{1,9} refused".prop_map(PollOutcome::Refused)
    ];
    let next_poll = prop::option::of((1..=i64::MAX as u64).prop_map(Duration::from_millis));
    (outcome, next_poll).prop_map(|(outcome, next_poll)| ProxyPollResponse { outcome, next_poll })
}

proptest! {
    #[test]
    fn arbitrary_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_all(&body);
    }

    #[test]
    fn json_like_text(body in "(1\\.0\n)?[{}\\[\\]:,\"a-zA-Z0-9\\\\. -]{0,120}") {
        decode_all(body.as_bytes());
    }

    #[test]
    fn damaged_messages(poll in proxy_poll(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = poll.encode().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        if cut {
            body.truncate(at);
        }
        decode_all(&body);
    }

    #[test]
    fn client_poll_round_trip(poll in client_poll()) {
        prop_assert_eq!(ClientPollRequest::decode(&poll.encode()), Ok(poll));
    }

    #[test]
    fn client_response_round_trip(answer in description(), error in ".{1,40}") {
        for response in [ClientPollResponse::Answer(answer), ClientPollResponse::Error(error)] {
            prop_assert_eq!(ClientPollResponse::decode(response.encode().as_bytes()), Ok(response));
        }
    }

    #[test]
    fn proxy_poll_round_trip(poll in proxy_poll()) {
        prop_assert_eq!(ProxyPollRequest::decode(poll.encode().as_bytes()), Ok(poll));
    }

    #[test]
    fn proxy_response_round_trip(response in proxy_response()) {
        prop_assert_eq!(ProxyPollResponse::decode(response.encode().as_bytes()), Ok(response));
    }

    #[test]
    fn proxy_answer_round_trip(sid in sid(), answer in description()) {
        let request = ProxyAnswerRequest { sid, answer };
        prop_assert_eq!(ProxyAnswerRequest::decode(request.encode().as_bytes()), Ok(request));
    }

    #[test]
    fn key_order_and_case_do_not_matter(poll in proxy_poll(), upper in any::<bool>()) {
        let value: serde_json::Value = serde_json::from_str(&poll.encode()).unwrap();
        let fields = value.as_object().unwrap().iter().rev();
        let turned = fields.map(|(key, value)| {
            let key = if upper { key.to_uppercase() } else { key.to_lowercase() };
            format!("{key:?}:{value}")
        });
        let body = format!("{{{}}}", turned.collect::<Vec<_>>().join(","));
        prop_assert_eq!(ProxyPollRequest::decode(body.as_bytes()), Ok(poll));
    }
}
