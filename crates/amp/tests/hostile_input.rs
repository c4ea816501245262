//! Whatever is encoded comes back; whatever else comes in, the decoders return, and return little.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as loudly as the test")]

use proptest::prelude::*;
use snowflake_amp::{
    MAX_HTML, cache_url, decode_armor, decode_path, domain_prefix, encode_armor, encode_path,
};
use url::Url;

/// Pieces of pages, good and bad.
fn html() -> impl Strategy<Value = Vec<u8>> {
    let markup = prop::sample::select(vec![
        "<pre>",
        "</pre>",
        "<PRE a=b",
        "<pre/>",
        "<",
        ">",
        "</",
        "<!--",
        "-->",
        "--!>",
        "<!doctype ",
        "<![CDATA[",
        "]]>",
        "<script>",
        "</script>",
        "<style>",
        "<textarea>",
        "</textarea>",
        "<plaintext>",
        "<noscript>",
        "&",
        "&#",
        "&#x",
        "&#98;",
        "&nGt;",
        "&amp",
        ";",
        "\0",
        "\r\n",
        "'",
        "\"",
        "=",
        "/",
        "0",
        "aGVs",
        "bG8=",
    ]);
    let piece = prop_oneof![
        6 => markup.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// What a cache may do to a page without changing what a browser shows.
fn rewritten(page: &[u8], reference: usize, tag: usize) -> Vec<u8> {
    let text = std::str::from_utf8(page).unwrap();
    let (head, body) = text.split_once("<pre>").unwrap();
    let mut html = format!("<!doctype html><title>&lt;pre&gt;</title>{}<PRE id='1'>", head.len());
    for (i, character) in body.split_once("</pre>").unwrap().0.chars().enumerate() {
        match character {
            '\n' => html.push_str("\r\n "),
            _ if i % 97 == tag % 97 => html += &format!("<i>{character}</i>"),
            _ if i % 89 == reference % 89 => html += &format!("&#{};", u32::from(character)),
            _ => html.push(character),
        }
    }
    html += "</PRE>";
    html.into_bytes()
}

proptest! {
    #[test]
    fn paths_come_back(data in prop::collection::vec(any::<u8>(), 0..5000), breaker: [u8; 9]) {
        let path = encode_path(&data, breaker);
        prop_assert!(path.starts_with('0') && path.as_bytes()[13] == b'/');
        prop_assert_eq!(decode_path(&path), Ok(data));
    }

    #[test]
    fn any_path_is_read_or_refused(path in "0?[\\PC/]{0,200}") {
        if let Ok(data) = decode_path(&path) {
            prop_assert!(data.len() <= path.len() / 4 * 3 + 2);
        }
    }

    #[test]
    fn pages_come_back(data in prop::collection::vec(any::<u8>(), 0..60_000)) {
        prop_assert_eq!(decode_armor(&encode_armor(&data)), Ok(data));
    }

    #[test]
    fn pages_come_back_through_a_cache(
        data in prop::collection::vec(any::<u8>(), 0..10_000),
        reference: usize,
        tag: usize,
    ) {
        prop_assert_eq!(decode_armor(&rewritten(&encode_armor(&data), reference, tag)), Ok(data));
    }

    #[test]
    fn any_page_is_read_or_refused(html in html()) {
        if let Ok(data) = decode_armor(&html) {
            prop_assert!(data.len() <= html.len() * 3 / 4);
        }
    }

    #[test]
    fn a_host_is_one_label(host in "[a-zA-Z0-9.\\-äß中]{1,100}") {
        let prefix = domain_prefix(&host);
        prop_assert!(prefix.is_ascii() && prefix.len() <= 63 && !prefix.contains('.'), "{prefix}");
    }

    #[test]
    fn any_url_has_a_cache_or_none(broker: String, path in "[\\PC]{0,50}") {
        let cache = Url::parse("https://cdn.ampproject.org/").unwrap();
        for text in [broker.clone(), format!("https://{broker}/{path}"), format!("http://b.example/{path}")] {
            if let Ok(url) = Url::parse(&text)
                && let Ok(cached) = cache_url(&url, &cache)
            {
                prop_assert!(cached.host_str().unwrap().ends_with(".cdn.ampproject.org"));
                prop_assert!(cached.path().starts_with("/c/"));
                prop_assert!(!cached.path().contains("//"));
            }
        }
    }
}

#[test]
fn the_worst_pages_are_read_in_linear_time() {
    // A decoder that looks again at what it has read would sit here for minutes.
    for piece in
        ["<", "&", "<pre ", "<a b", "&#", "&nGt;", "<!--", "-", "</", "<script", "\0", "é", "\u{1}"]
    {
        for prefix in ["", "<pre>", "<script>", "<title>", "<!--", "<a b='"] {
            let page = prefix.to_owned() + &piece.repeat((MAX_HTML - 10) / piece.len());
            assert!(decode_armor(page.as_bytes()).is_err(), "{prefix}{piece}");
        }
    }
}
