use proptest::prelude::*;

use super::*;

const CLIENT_NONCE: [u8; 32] = [0x11; 32];
const SERVER_NONCE: [u8; 32] = [0x22; 32];
const SERVER_HASH: &str = "faba8ab71bbdd5a5727e157d5adf5d886e93a52146e2089469d3ce3a011ba7ac";
const CLIENT_HASH: &str = "13738865f77e411dbdbba912d60c06e3fafe1bb762dcd94bff70c0b8ca152d50";

fn cookie_file() -> Vec<u8> {
    b"! Extended ORPort Auth Cookie !\n".iter().copied().chain(0..32).collect()
}

fn handshake(user: Option<&str>) -> Handshake {
    let cookie = Cookie::parse(&cookie_file()).expect("a cookie");
    let user = user.map(|user| user.parse().expect("an address"));
    Handshake::new(cookie, CLIENT_NONCE, user, "snowflake")
}

fn challenge() -> Vec<u8> {
    [&hex::decode(SERVER_HASH).expect("a vector")[..], &SERVER_NONCE].concat()
}

/// Everything that tor sends, when all is well.
fn script() -> Vec<u8> {
    [&[1, 0][..], &challenge(), &[1], &[0x10, 0, 0, 0]].concat()
}

/// Plays tor's bytes to the handshake: what was sent, the outcome, and how much was read.
/// The outcome is `Ok(false)` if tor's bytes did not suffice.
fn play(mut handshake: Handshake, tor: &[u8]) -> (Vec<u8>, Result<bool, ExtOrPortError>, usize) {
    let (mut sent, mut read, mut next) = (Vec::new(), 0, 0..0);
    loop {
        match handshake.step(&tor[next.clone()]) {
            Ok(Step::NeedMore(count)) => {
                assert!((1..=64).contains(&count));
                next = read..tor.len().min(read + count);
                read = next.end;
                if next.is_empty() {
                    return (sent, Ok(false), read);
                }
            }
            Ok(Step::Send(bytes)) => {
                sent.extend_from_slice(&bytes);
                next = 0..0;
            }
            Ok(Step::Finished) => return (sent, Ok(true), read),
            Err(error) => return (sent, Err(error), read),
        }
    }
}

fn outcome(tor: &[u8]) -> Result<bool, ExtOrPortError> {
    play(handshake(None), tor).1
}

#[test]
fn hashes_and_commands_are_those_of_the_specification() {
    for (user, address) in [
        (Some("192.0.2.7:1"), "0001000b3139322e302e322e373a31"),
        (Some("[2001:db8::7]:1"), "0001000f5b323030313a6462383a3a375d3a31"),
        (None, ""),
    ] {
        let (sent, outcome, _) = play(handshake(user), &script());
        let transport = "00020009736e6f77666c616b65";
        let expected =
            format!("01{}{CLIENT_HASH}{address}{transport}00000000", hex::encode(CLIENT_NONCE));
        assert_eq!((hex::encode(sent), outcome), (expected, Ok(true)));
    }
}

#[test]
fn nothing_of_the_stream_is_read() {
    let bytes = [&script()[..], b"tor speaks at once"].concat();
    let (_, outcome, read) = play(handshake(None), &bytes);
    assert_eq!((outcome, read), (Ok(true), script().len()));
}

#[test]
fn cut_anywhere_it_waits_for_the_rest() {
    let script = script();
    for cut in 0..script.len() {
        assert_eq!(outcome(&script[..cut]), Ok(false), "cut at {cut}");
    }
}

#[test]
fn any_piece_of_what_was_asked_for_will_do() {
    let mut handshake = handshake(None);
    let mut steps = Vec::new();
    for byte in script() {
        while let Step::Send(_) = handshake.step(&[]).unwrap() {}
        steps.push(handshake.step(&[byte]).unwrap());
    }
    assert_eq!(steps.last(), Some(&Step::Finished));
}

#[test]
fn other_types_of_authentication_are_passed_over() {
    let tor = |types: &[u8]| [types, &script()[1..]].concat();
    assert_eq!(outcome(&tor(&[3, 1, 2])), Ok(true));
    assert_eq!(outcome(&tor(&[[3; 254].as_slice(), &[1]].concat())), Ok(true));
    assert_eq!(outcome(&tor(&[])), Err(ExtOrPortError::NoSafeCookie));
    assert_eq!(outcome(&tor(&[2, 3])), Err(ExtOrPortError::NoSafeCookie));
    assert_eq!(outcome(&[1; 256]), Err(ExtOrPortError::TooManyTypes));
}

#[test]
fn a_tor_that_does_not_know_the_cookie_is_refused_and_told_nothing() {
    let mut script = script();
    script[2] ^= 1;
    let (sent, outcome, _) = play(handshake(Some("192.0.2.7:1")), &script);
    assert_eq!(outcome, Err(ExtOrPortError::ServerHash));
    assert_eq!(sent.len(), 33, "only type and nonce");
}

#[test]
fn a_tor_that_refuses_or_denies() {
    let before = &script()[..66];
    let tor = |rest: &[u8]| [before, rest].concat();
    assert_eq!(outcome(&tor(&[0])), Err(ExtOrPortError::Refused));
    assert_eq!(outcome(&tor(&[2])), Err(ExtOrPortError::Refused));
    assert_eq!(outcome(&tor(&[1, 0x10, 1, 0, 0])), Err(ExtOrPortError::Denied));
    let control = ExtOrPortError::UnexpectedCommand(0x1002);
    assert_eq!(outcome(&tor(&[1, 0x10, 2, 0xff, 0xff])), Err(control));
}

#[test]
fn the_body_of_okay_is_thrown_away() {
    let tor = [&script()[..67], &[0x10, 0, 0xff, 0xff], &[7; 65535], b"stream"].concat();
    let (_, outcome, read) = play(handshake(None), &tor);
    assert_eq!((outcome, read), (Ok(true), tor.len() - 6));
}

#[test]
fn only_whole_cookie_files_are_taken() {
    let header = hex::decode("2120457874656e646564204f52506f7274204175746820436f6f6b696520210a");
    let file = cookie_file();
    assert_eq!(header.unwrap(), &file[..32]);
    let error = |file: &[u8]| Cookie::parse(file).map(|_| ()).unwrap_err();
    for length in 0..file.len() {
        assert_eq!(error(&file[..length]), CookieError::Length);
    }
    assert_eq!(error(&[&file[..], &[0]].concat()), CookieError::Length);
    let mut other = file;
    other[0] = b'?';
    assert_eq!(error(&other), CookieError::Header);
    let cookie = Cookie::parse(&cookie_file()).unwrap();
    assert_eq!(format!("{cookie:?}"), "Cookie(hidden)");
}

proptest! {
    #[test]
    fn garbage_is_refused_or_waited_for(tor in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_ne!(outcome(&tor), Ok(true));
    }

    #[test]
    fn garbage_after_the_hashes_never_panics(rest in prop::collection::vec(any::<u8>(), 0..80)) {
        let tor = [&script()[..66], &rest].concat();
        let _ = outcome(&tor);
    }

    #[test]
    fn a_changed_byte_of_the_challenge_is_noticed(at in 2usize..66, change in 1u8..) {
        let mut tor = script();
        tor[at] ^= change;
        prop_assert_eq!(outcome(&tor), Err(ExtOrPortError::ServerHash));
    }
}
