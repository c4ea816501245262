use super::*;

fn us(user: &str, password: &str) -> Credentials {
    Credentials { user: user.to_owned(), password: password.to_owned() }
}

fn broker() -> Target {
    Target::Name("b.example".to_owned(), 443)
}

fn say(send: impl Into<Vec<u8>>, expect: usize) -> Result<Step, HandshakeError> {
    Ok(Step::Say { send: send.into(), expect })
}

const CONNECT: &[u8] = b"\x05\x01\x00\x03\x09b.example\x01\xbb";

/// After the greeting.
fn greeted(credentials: Option<&Credentials>) -> Handshake {
    let mut handshake = Handshake::new(credentials, Command::Connect, &broker()).unwrap();
    handshake.step(&[]).unwrap();
    handshake
}

#[test]
fn a_name_goes_to_the_proxy_as_it_is() {
    let mut handshake = greeted(None);
    assert_eq!(handshake.step(&[5, 0]), say(CONNECT, 5));
    // The proxy may name what it bound by a name.
    assert_eq!(handshake.step(&[5, 0, 0, 3, 4]), say([], 6));
    assert_eq!(handshake.step(b"here\0\x50"), Ok(Step::Done(None)));
}

#[test]
fn addresses_of_both_families() {
    for (target, form) in [
        ("192.0.2.3:80", &[1, 192, 0, 2, 3, 0, 80][..]),
        ("[2001:db8::1]:80", &[4, 32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80]),
    ] {
        let address: SocketAddr = target.parse().unwrap();
        let mut handshake = Handshake::new(None, Command::Connect, &address.into()).unwrap();
        handshake.step(&[]).unwrap();
        assert_eq!(handshake.step(&[5, 0]), say([&[5, 1, 0], form].concat(), 5));
        let answer = [&[5, 0, 0], form].concat();
        assert_eq!(handshake.step(&answer[..5]), say([], answer.len() - 5));
        assert_eq!(handshake.step(&answer[5..]), Ok(Step::Done(Some(address))));
    }
}

#[test]
fn credentials_are_told_to_whoever_wants_them() {
    let credentials = us("us:er", "p");
    let mut handshake = Handshake::new(Some(&credentials), Command::Connect, &broker()).unwrap();
    assert_eq!(handshake.step(&[]), say([5, 2, 0, 2], 2));
    assert_eq!(handshake.step(&[5, 2]), say(*b"\x01\x05us:er\x01p", 2));
    assert_eq!(handshake.step(&[1, 0]), say(CONNECT, 5));

    let mut handshake = greeted(Some(&credentials));
    assert_eq!(handshake.step(&[5, 0]), say(CONNECT, 5), "it wants none");
    let mut handshake = greeted(Some(&credentials));
    handshake.step(&[5, 2]).unwrap();
    assert_eq!(handshake.step(&[1, 1]), Err(HandshakeError::Credentials));
}

/// Together with a name of 255 bytes more than 700: no message is shared.
#[test]
fn the_longest_of_everything_fits() {
    let long = "x".repeat(255);
    let credentials = us(&long, &long);
    let target = Target::Name(long.clone(), 1);
    let mut handshake = Handshake::new(Some(&credentials), Command::Connect, &target).unwrap();
    handshake.step(&[]).unwrap();
    let Ok(Step::Say { send, .. }) = handshake.step(&[5, 2]) else { panic!() };
    assert_eq!(send.len(), 513);
    let Ok(Step::Say { send, .. }) = handshake.step(&[1, 0]) else { panic!() };
    assert_eq!(send.len(), 262);
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = "x".repeat(256);
    let new = |credentials: Option<&Credentials>, target: Target| {
        Handshake::new(credentials, Command::Connect, &target).unwrap_err()
    };
    for bad in [us("", "p"), us(&long, "p"), us("u", &long)] {
        assert_eq!(new(Some(&bad), broker()), HandshakeError::BadCredentials);
    }
    for bad in ["", &long] {
        assert_eq!(new(None, Target::Name(bad.to_owned(), 1)), HandshakeError::Name);
    }
    let empty = us("u", "");
    let mut handshake = greeted(Some(&empty));
    assert_eq!(handshake.step(&[5, 2]), say(*b"\x01\x01u\0", 2));
}

#[test]
fn bad_answers_say_who_misbehaved() {
    for (method, error) in [
        (&[4, 0][..], HandshakeError::Version(4)),
        (&[5, 0xff], HandshakeError::NoMethod),
        (&[5, 2], HandshakeError::NoMethod),
        (&[5], HandshakeError::Length),
    ] {
        assert_eq!(greeted(None).step(method), Err(error));
    }
    for (reply, error) in [
        ([0; 5], HandshakeError::Version(0)),
        ([5, 7, 0, 1, 0], HandshakeError::Refused(7)),
        ([5, 0, 0, 2, 0], HandshakeError::AddressType(2)),
    ] {
        let mut handshake = greeted(None);
        handshake.step(&[5, 0]).unwrap();
        assert_eq!(handshake.step(&reply), Err(error));
    }
    assert_eq!(HandshakeError::Refused(7).to_string(), "the proxy refused: command not supported");
}
