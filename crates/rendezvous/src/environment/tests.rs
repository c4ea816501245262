//! The rules of Go's `httpproxy`, by example.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
    let get = |name: &str| variables.iter().find(|(set, _)| *set == name);
    Environment::from_variables(|name| get(name).map(|(_, value)| (*value).to_owned()))
}

/// The upstream for a URL, as it is shown.
fn way(environment: &Environment, url: &str) -> Option<String> {
    environment.upstream(&Url::parse(url).unwrap()).map(Upstream::to_text)
}

/// Whether a proxy is used for a URL with this `NO_PROXY`.
fn is_proxied(no_proxy: &str, url: &str) -> bool {
    let variables =
        [("HTTP_PROXY", "p.example:1"), ("HTTPS_PROXY", "p.example:1"), ("NO_PROXY", no_proxy)];
    way(&environment(&variables).unwrap(), url).is_some()
}

#[test]
fn the_scheme_chooses_the_proxy() {
    let both = [("HTTP_PROXY", "http://plain.example"), ("HTTPS_PROXY", "socks5://tls.example")];
    let both = environment(&both).unwrap();
    for (url, proxy) in [
        ("http://a.example/", Some("Http plain.example:80")),
        ("ws://a.example/", Some("Http plain.example:80")),
        ("https://a.example/", Some("Socks5 tls.example:1080")),
        ("wss://a.example:99/", Some("Socks5 tls.example:1080")),
        ("ftp://a.example/", None),
    ] {
        assert_eq!(way(&both, url).as_deref(), proxy, "{url}");
    }
    let none = environment(&[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://all.example")]).unwrap();
    assert_eq!(way(&none, "https://a.example/"), None);
}

#[test]
fn small_letters_count_where_there_are_no_capitals() {
    let small = [("https_proxy", "small.example:3128")];
    let proxy = |variables: &[_]| way(&environment(variables).unwrap(), "https://a.example/");
    assert_eq!(proxy(&small).as_deref(), Some("Http small.example:3128"));
    let both = [("https_proxy", "small.example:3128"), ("HTTPS_PROXY", "BIG.example:3128")];
    assert_eq!(proxy(&both).as_deref(), Some("Http big.example:3128"));
}

#[test]
fn proxies_are_urls_or_hosts() {
    for (value, expected) in [
        ("192.0.2.7:8080", Ok("Http 192.0.2.7:8080")),
        ("http://[2001:db8::1]:8080/", Ok("Http [2001:db8::1]:8080")),
        ("socks5h://[2001:db8::1]", Ok("Socks5 [2001:db8::1]:1080")),
        ("proxy.example", Ok("Http proxy.example:80")),
        ("http://us%65r:p%3Aw@proxy.example", Ok("Http proxy.example:80 user p:w")),
        ("socks5://user@192.0.2.7", Ok("Socks5 192.0.2.7:1080 user ")),
        ("https://proxy.example", Err(EnvironmentProblem::Kind)),
        ("socks4://proxy.example", Err(EnvironmentProblem::Kind)),
        ("http://a b", Err(EnvironmentProblem::Url)),
        ("http://%zz@proxy.example", Err(EnvironmentProblem::Url)),
    ] {
        let proxy = environment(&[("HTTPS_PROXY", value)])
            .map(|environment| way(&environment, "https://a.example/").unwrap());
        let expected = expected
            .map(str::to_owned)
            .map_err(|problem| EnvironmentError { variable: "HTTPS_PROXY", problem });
        assert_eq!(proxy, expected, "{value}");
    }
    let error = environment(&[("HTTP_PROXY", "https://u:secret@p.example")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "HTTP_PROXY in the environment names a kind of proxy other than http, socks5 and socks5h"
    );
}

#[test]
fn only_socks5_has_no_room_for_long_passwords() {
    for (scheme, length, is_good) in [
        ("http", 255, true),
        ("http", 256, true),
        ("http", 10_000, true),
        ("socks5", 255, true),
        ("socks5", 256, false),
    ] {
        let word = "p".repeat(length);
        for user in [format!("user:{word}"), format!("{word}:p")] {
            let read = environment(&[("HTTPS_PROXY", &format!("{scheme}://{user}@p.example:1"))]);
            let way = read.map(|environment| way(&environment, "https://a.example/").unwrap());
            match is_good {
                true => assert!(way.unwrap().contains(&format!(" {}", user.replace(':', " ")))),
                false => assert_eq!(way.unwrap_err().problem, EnvironmentProblem::Url),
            }
        }
    }
}

#[test]
fn this_machine_is_never_proxied() {
    for url in ["http://localhost/", "https://127.0.0.1/", "ws://127.9.9.9:80/", "wss://[::1]/"] {
        assert!(!is_proxied("", url), "{url}");
    }
    assert!(is_proxied("", "http://localhost.example/"));
    assert!(is_proxied("", "http://192.168.1.1/"), "private addresses are");
}

#[test]
fn no_proxy_names_hosts_suffixes_addresses_and_networks() {
    for (list, direct, proxied) in [
        ("*", vec!["http://a.example/", "http://192.0.2.1/"], vec![]),
        (
            "example.com",
            vec!["http://example.com/", "http://a.example.com/", "http://EXAMPLE.com/"],
            vec!["http://other-example.com/", "http://example.com.org/"],
        ),
        (".example.com", vec!["http://a.b.example.com/"], vec!["http://example.com/"]),
        ("*.example.com", vec!["http://a.example.com/"], vec!["http://example.com/"]),
        (
            "example.com:8080",
            vec!["http://a.example.com:8080/"],
            vec!["http://example.com/", "https://example.com/"],
        ),
        ("example.com:443", vec!["wss://example.com/"], vec!["ws://example.com/"]),
        (
            "10.0.0.0/8, 2001:db8::/32",
            vec!["http://10.255.0.1/", "http://[2001:db8:ffff::1]/"],
            vec!["http://11.0.0.1/", "http://[2001:db9::1]/", "http://10.example/"],
        ),
        ("0.0.0.0/0", vec!["http://192.0.2.1/"], vec!["http://[2001:db8::1]/"]),
        (
            "192.0.2.1,[2001:db8::1]:81",
            vec!["http://192.0.2.1:99/", "http://[2001:db8::1]:81/"],
            vec!["http://192.0.2.2/", "http://[2001:db8::1]/"],
        ),
        (" , bücher.example ,,", vec!["http://bücher.example/"], vec!["http://a.example/"]),
        ("10.0.0.0/x,a b", vec![], vec!["http://10.0.0.1/", "http://a.example/"]),
    ] {
        for url in direct {
            assert!(!is_proxied(list, url), "{list}: {url}");
        }
        for url in proxied {
            assert!(is_proxied(list, url), "{list}: {url}");
        }
    }
}
