//! A network to play with: everything runs, and a line says how to use it.

use crate::{error::Error, network::Network, progress::say};

/// Says how to use the network and keeps it until something ends that should not.
///
/// # Errors
/// Always, with what has ended; the caller stops waiting on Ctrl-C.
pub async fn run(network: &mut Network) -> Result<(), Error> {
    say(format_args!("The client's SOCKS listener is {}. Try:", network.route.socks));
    say(format_args!(
        "\n    {}\n    {}",
        curl_line(network, ""),
        curl_line(network, "bytes/10000000 -o /dev/null")
    ));
    say("\nCtrl-C ends everything.");
    Err(network.first_to_end().await)
}

/// The arguments go into user name and password, as tor sends them.
fn curl_line(network: &Network, path: &str) -> String {
    let (user, password) = network.route.user_and_password().unwrap_or_default();
    let login = format!("{}:{}", percent(user), percent(password));
    format!(
        "curl -x 'socks5h://{login}@{}' http://{}/{path}",
        network.route.socks, network.route.target
    )
}

/// Everything that means something in a URL, or to a shell, is encoded.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_a_url() {
        assert_eq!(
            percent("url=http://[::1]:8/;max=1"),
            "url%3Dhttp%3A%2F%2F%5B%3A%3A1%5D%3A8%2F%3Bmax%3D1"
        );
    }
}
