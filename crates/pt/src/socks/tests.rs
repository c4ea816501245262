use proptest::prelude::*;

use super::*;

const GREETING: &[u8] = &[5, 1, 2];
const CONNECT_V4: &[u8] = &[5, 1, 0, 1, 192, 0, 2, 3, 0, 80];

/// The authentication message that carries 81 bytes of arguments.
const CREDENTIALS: &str = "01 51 \
    66696e6765727072696e743d3242323830423233453131303742423632414246433430444443433838323438\
    31344638304137323b75726c3d68747470733a2f2f622e6578616d706c652f3b6d61783d31 01 00";

fn credentials_message() -> Vec<u8> {
    hex::decode(CREDENTIALS.replace(' ', "")).expect("a vector")
}

/// A handshake that has come to its credentials, or past them.
fn after(messages: &[&[u8]]) -> Handshake {
    let mut handshake = Handshake::new();
    for message in messages {
        assert!(matches!(handshake.step(message), Ok(Step::Send(_))), "{message:?}");
    }
    handshake
}

/// What a step's error makes us send.
fn reply(step: Result<Step, SocksError>) -> Option<&'static [u8]> {
    step.expect_err("must be refused").reply()
}

#[test]
fn arguments_come_in_the_user_name() {
    let mut handshake = Handshake::new();
    assert_eq!(handshake.step(GREETING).unwrap(), Step::Send(&[5, 2]));
    assert_eq!(handshake.step(&credentials_message()).unwrap(), Step::Send(&[1, 0]));
    let Step::Finished(args) = handshake.step(CONNECT_V4).unwrap() else { panic!() };
    let expected = [
        ("fingerprint", "2B280B23E1107BB62ABFC40DDCC8824814F80A72"),
        ("url", "https://b.example/"),
        ("max", "1"),
    ];
    assert_eq!(args.iter().collect::<Vec<_>>(), expected);
    assert_eq!(hex::encode(GRANTED), "05000001000000000000");
    assert_eq!(hex::encode(REFUSED), "05010001000000000000");
}

#[test]
fn every_message_may_come_byte_by_byte() {
    let mut handshake = Handshake::new();
    let mut replies = Vec::new();
    for byte in [GREETING, &credentials_message(), CONNECT_V4].concat() {
        match handshake.step(&[byte]).unwrap() {
            Step::NeedMore => {}
            Step::Send(bytes) => replies.push(bytes),
            Step::Finished(args) => {
                assert_eq!(args.get("max"), Some("1"));
                assert_eq!(replies, [&[5u8, 2], &[1, 0]]);
                return;
            }
        }
    }
    panic!("not finished");
}

#[test]
fn long_arguments_are_split_between_user_and_password() {
    let text = format!("url={};max=2", "u".repeat(400));
    let (user, password) = text.as_bytes().split_at(255);
    let mut message = vec![1, 255];
    message.extend_from_slice(user);
    message.push(password.len() as u8);
    message.extend_from_slice(password);
    let mut handshake = after(&[GREETING, &message]);
    let Step::Finished(args) = handshake.step(CONNECT_V4).unwrap() else { panic!() };
    assert_eq!(args.get("max"), Some("2"));
    assert_eq!(args.get("url").map(str::len), Some(400));
}

#[test]
fn without_credentials_there_are_no_arguments() {
    let mut handshake = Handshake::new();
    assert_eq!(handshake.step(&[5, 2, 1, 0]).unwrap(), Step::Send(&[5, 0]));
    assert_eq!(handshake.step(CONNECT_V4).unwrap(), Step::Finished(Args::default()));
    // Credentials are preferred, wherever they stand in the list.
    assert_eq!(Handshake::new().step(&[5, 2, 0, 2]).unwrap(), Step::Send(&[5, 2]));
}

#[test]
fn greetings_that_are_refused() {
    assert_eq!(reply(Handshake::new().step(&[5, 1, 1])), Some(&[5, 0xff][..]));
    assert_eq!(reply(Handshake::new().step(&[5, 0])), Some(&[5, 0xff][..]));
    assert!(matches!(Handshake::new().step(&[4]), Err(SocksError::Version(4))));
    assert!(matches!(Handshake::new().step(b"GET / HTTP"), Err(SocksError::Version(b'G'))));
    assert_eq!(reply(Handshake::new().step(&[4])), None);
}

#[test]
fn credentials_that_are_refused() {
    for message in [
        b"\x02\x03a=b\x01\x00".as_slice(),
        b"\x01\x00",
        b"\x01\x00\x01\x00",
        b"\x01\x03a=b\x00",
        b"\x01\x01a\x01\x00",
        b"\x01\x03a=b\x01;",
        b"\x01\x03a=\xff\x01\x00",
    ] {
        let step = after(&[GREETING]).step(message);
        assert_eq!(reply(step), Some(&[1, 1][..]), "{message:?}");
    }
}

#[test]
fn a_password_of_one_nul_is_none_but_a_longer_one_counts() {
    let args = |message: &[u8]| match after(&[GREETING, message]).step(CONNECT_V4) {
        Ok(Step::Finished(args)) => args,
        other => panic!("{other:?}"),
    };
    assert_eq!(args(b"\x01\x03a=b\x01\x00").get("a"), Some("b"));
    assert_eq!(args(b"\x01\x03a=b\x02\x00c").get("a"), Some("b\0c"));
    assert_eq!(args(b"\x01\x02a=\x01b").get("a"), Some("b"));
}

#[test]
fn requests_of_every_address_type_are_taken() {
    let name = b"\x05\x01\x00\x03\x09b.example\x01\xbb";
    let v6 = [&[5, 1, 0, 4][..], &[0x20; 16], &[0, 80]].concat();
    for request in [CONNECT_V4, name, &v6] {
        assert!(matches!(after(&[&[5, 1, 0]]).step(request), Ok(Step::Finished(_))), "{request:?}");
    }
}

#[test]
fn requests_that_are_refused() {
    for (request, code) in [
        (&[5, 2, 0, 1][..], 7),
        (&[5, 3, 0, 1, 0, 0, 0, 0, 0, 0], 7),
        (&[5, 1, 0, 2], 8),
        (&[5, 1, 0, 5, 0], 8),
        (&[4, 1, 0, 1], 1),
        (&[5, 1, 1, 1], 1),
        (&[5, 1, 0, 3, 0, 0, 80], 1),
    ] {
        let expected = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(reply(after(&[&[5, 1, 0]]).step(request)), Some(&expected[..]), "{request:?}");
    }
}

#[test]
fn bytes_after_a_message_are_refused() {
    let greeting = [GREETING, &[1]].concat();
    assert!(matches!(Handshake::new().step(&greeting), Err(SocksError::ExtraBytes)));
    let credentials = [&credentials_message()[..], CONNECT_V4].concat();
    assert!(matches!(after(&[GREETING]).step(&credentials), Err(SocksError::ExtraBytes)));
    let request = [CONNECT_V4, b"\x16"].concat();
    assert!(matches!(after(&[&[5, 1, 0]]).step(&request), Err(SocksError::ExtraBytes)));
}

#[test]
fn a_truncated_message_asks_for_more_wherever_it_is_cut() {
    let credentials = credentials_message();
    for (before, message) in
        [(&[][..], GREETING), (&[GREETING], &credentials), (&[GREETING, &credentials], CONNECT_V4)]
    {
        for cut in 0..message.len() {
            assert_eq!(after(before).step(&message[..cut]).unwrap(), Step::NeedMore);
        }
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_or_waited_for(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60),
        stage in 0usize..3,
    ) {
        let credentials = credentials_message();
        let mut handshake = after(&[GREETING, &credentials][..stage]);
        for piece in pieces {
            match handshake.step(&piece) {
                Ok(Step::Finished(_)) | Err(_) => return Ok(()),
                Ok(_) => prop_assert!(handshake.message.len() <= 513, "bounded memory"),
            }
        }
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0usize..97, byte in any::<u8>()) {
        let mut bytes = [GREETING, &credentials_message(), CONNECT_V4].concat();
        let at = at % bytes.len();
        bytes[at] = byte;
        let mut handshake = Handshake::new();
        for byte in bytes {
            if !matches!(handshake.step(&[byte]), Ok(Step::NeedMore | Step::Send(_))) {
                return Ok(());
            }
        }
    }
}
