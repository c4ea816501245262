mod through_a_proxy;

use super::*;
use snowflake_cli::{Program, parse_from};

fn args(flags: &[&str]) -> Args {
    parse_from(Program { name: "snowflake-client", version: "0" }, flags).expect("good flags")
}

fn line(text: &str) -> snowflake_pt::Args {
    snowflake_pt::Args::parse(text).expect("a good line")
}

/// Name and broker of each way.
fn ways(flags: &[&str], text: &str) -> Result<Vec<(String, String)>, String> {
    let methods = methods(&args(flags), &line(text)).map_err(|error| error.to_string())?;
    let named = |method: &Method| {
        let way = method.way(None, false);
        assert_eq!(way.name(), method.name());
        (way.name().to_owned(), way.broker().to_owned())
    };
    Ok(methods.iter().map(named).collect())
}

fn way(name: &str, broker: &str) -> (String, String) {
    (name.to_owned(), format!("https://{broker}/"))
}

#[test]
fn fronts_are_taken_from_the_first_place_that_has_some() {
    let of = |flags: &[&str], text: &str| Wish::first(&args(flags), &line(text)).fronts.into_vec();
    assert_eq!(of(&["-front", "a", "-fronts", "b,c"], ""), ["b", "c"]);
    assert_eq!(of(&["-front", "a"], ""), ["a"]);
    assert_eq!(
        of(&["-front", "a"], "fronts=;front=x"),
        ["a"],
        "front is not looked at beside fronts"
    );
    assert_eq!(of(&["-front", "a"], "front=x,y"), ["x", "y"]);
}

#[test]
fn a_line_for_go_is_one_way_and_a_cache_is_instead_of_the_broker() {
    let http = way("http", "b.example");
    let amp = way("ampcache", "b.example");
    let url = "url=https://b.example/";
    let cache = "ampcache=https://cdn.example/;fronts=f.example";
    assert_eq!(ways(&[], url), Ok(vec![http.clone()]));
    assert_eq!(ways(&[], &format!("{url};{cache}")), Ok(vec![amp.clone()]));
    assert_eq!(ways(&[], &format!("{url};ampcache=")), Ok(vec![http]));
    let flags = ["-ampcache", "https://cdn.example/", "-url=https://b.example/"];
    assert_eq!(ways(&flags, ""), Ok(vec![amp]));
    assert_eq!(ways(&flags, "url=https://c.example/"), Ok(vec![way("ampcache", "c.example")]));
}

#[test]
fn numbers_are_further_ways_each_for_itself() {
    let text = "url=https://a.example/;url2=https://b.example/;ampcache2=https://cdn.example/;\
                front2=f.example;url4=https://c.example/;url5=https://d.example/";
    let flags = ["-fronts", "x.example", "-ampcache", "https://x.example/"];
    let ampcache = way("ampcache", "a.example");
    let expected = vec![ampcache, way("ampcache", "b.example"), way("http", "c.example")];
    assert_eq!(ways(&flags, text), Ok(expected), "flags are for the first only");
    let further = |number| Wish::numbered(number, &line(text)).fronts.into_vec();
    assert_eq!(further(2), ["f.example"]);
    assert!(further(4).is_empty());
}

#[test]
fn bad_ways_are_named() {
    let error = |text: &str| ways(&["-url", "https://b.example/"], text).unwrap_err();
    for (text, expected) in [
        ("ampcache=nonsense", "ampcache=\"nonsense\": not a URL: relative URL without a base"),
        (
            "ampcache=https://127.0.0.1/",
            "ampcache=\"https://127.0.0.1/\": the AMP cache's URL must",
        ),
        ("ampcache=https://cdn.example/;url=https://b.example:81/", "ampcache=\"https://cdn.ex"),
        (
            "sqsqueue=https://q.example/",
            "sqsqueue=\"https://q.example/\": beside url or ampcache: give the keys of the second method a number \
             (url2=...)",
        ),
        ("fronts2=a.example", "url2=\"\": no broker: "),
        ("url3=x", "url3=\"x\": not a URL: "),
        ("url4=https://b.example/;front4=a/b", "fronts4=\"a/b\": front \"a/b\" is not a host name"),
    ] {
        let error = error(text);
        assert!(error.starts_with(expected), "{error}");
    }
    let without_broker = ways(&[], "ampcache=https://cdn.example/").unwrap_err();
    assert!(without_broker.starts_with("url=\"\": no broker: "), "{without_broker}");
}

#[test]
fn ways_are_known_again_by_what_makes_them() {
    let marks = |text: &str| -> Vec<_> {
        let methods = methods(&args(&[]), &line(text)).unwrap();
        methods.iter().map(|method| method.way(None, false).mark).collect()
    };
    let broker = "url=https://b.example/";
    let all = [
        broker.to_owned(),
        "url=https://c.example/".to_owned(),
        format!("{broker};fronts=a.example"),
        format!("{broker};fronts=a.example,b.example"),
        format!("{broker};ampcache=https://cdn.example/"),
        format!("{broker};ampcache=https://cdm.example/"),
        format!("{broker};ampcache=https://cdn.example/;front=a.example"),
    ];
    for (place, text) in all.iter().enumerate() {
        assert_eq!(marks(text), marks(text));
        assert!(all[..place].iter().all(|other| marks(other) != marks(text)), "{text}");
    }
    let same = marks(&format!("{broker};url2=https://b.example/"));
    assert_eq!(same[0], same[1]);
}

/// The dummy of the Go project's documentation.
const CREDS: &str =
    "eyJhd3MtYWNjZXNzLWtleS1pZCI6IkFLSUFFWEFNUExFIiwiYXdzLXNlY3JldC1rZXkiOiJzZWNyZXRFWEFNUExFIn0=";

#[test]
fn a_queue_takes_the_place_of_the_broker() {
    let queue = "https://sqs.us-east-1.amazonaws.com/893902434899/snowflake-broker";
    let sqsqueue = format!("sqsqueue={queue}");
    // In a line `=` needs no escape after the first.
    let sqscreds = format!("sqscreds={CREDS}");
    let expected = vec![("sqs".to_owned(), queue.to_owned())];
    assert_eq!(ways(&[], &format!("{sqsqueue};{sqscreds}")).unwrap(), expected);
    assert_eq!(ways(&["-sqsqueue", queue, "-sqscreds", CREDS], "").unwrap(), expected);
    let second = format!("url=https://b.example/;sqsqueue2={queue};sqscreds2={CREDS}");
    assert_eq!(ways(&[], &second).unwrap()[1..], expected);

    let error = |flags: &[&str], text: &str| ways(flags, text).unwrap_err();
    let both = format!("sqsqueue=\"{queue}\": beside url or ampcache: ");
    let url = "url=https://b.example/";
    assert!(error(&[], &format!("{url};{sqsqueue};{sqscreds}")).starts_with(&both));
    assert!(error(&["-url", "https://b.example/"], &sqsqueue).starts_with(&both));
    assert!(error(&[], &sqsqueue).starts_with("sqscreds=\"\": the queue needs a key, "));
    let bad = format!("{sqsqueue};sqscreds=bm90aGluZw==");
    let reason = "sqscreds=\"...\": no JSON with aws-access-key-id and aws-secret-key in it";
    assert_eq!(error(&[], &bad), reason);
    let no_url = format!("sqsqueue=queue;{sqscreds}");
    assert!(error(&[], &no_url).starts_with("sqsqueue=\"queue\": not a URL: "));
    let elsewhere = format!("sqsqueue=https://queue.example/1/q;{sqscreds}");
    let nowhere = "sqsqueue=\"https://queue.example/1/q\": the queue's host is not sqs.REGION";
    assert!(error(&[], &elsewhere).starts_with(nowhere));
}
