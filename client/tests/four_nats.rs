//! The program behind four kinds of NAT, with coturn as the STUN server: the log has the right word within 10 s.
//!
//! It needs root for network namespaces, and `ip`, `nft` and `turnserver`, of Debian's packages iproute2, nftables and
//! coturn. `SNOWFLAKE_WITHOUT_NATS=1` leaves it out, and it says so.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Each address of the client has one of its own outside.
const ONE_TO_ONE: &str = r#"
    chain there { type nat hook postrouting priority 100; oifname "out" snat to 198.51.100.9; }
    chain back { type nat hook prerouting priority -100; iifname "out" dnat to 10.0.0.2; }"#;
/// Whom a port has sent to may answer from any port.
const BY_ADDRESS: &str = r#"
    set known { type ipv4_addr . inet_service; flags dynamic,timeout; size 1000; timeout 2m; }
    chain gate {
        type filter hook forward priority 0; policy drop;
        iifname "in" update @known { ip daddr . udp sport } accept
        iifname "out" ip saddr . udp dport @known accept
    }"#;
/// Ports are kept where they are free; what comes from elsewhere belongs to no connection.
const BY_PORT: &str = r#"
    chain there { type nat hook postrouting priority 100; oifname "out" masquerade; }"#;
/// Each connection has a port of its own.
const SYMMETRIC: &str = r#"
    chain there { type nat hook postrouting priority 100; oifname "out" masquerade fully-random; }"#;

/// RFC 8489 and RFC 5780: one retransmission each, and three in vain, are below that.
const LIMIT: Duration = Duration::from_secs(10);

/// Client, NAT and STUN server, each in a namespace; gone when this is dropped.
struct World {
    name: String,
    children: Vec<Child>,
    /// The client's stdout, which has to stay open.
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl World {
    fn new(name: &str, rules: &[&str]) -> Self {
        let name = format!("nats{}{name}", std::process::id());
        let world = Self { name, children: Vec::new(), lines: None };
        for place in ["core", "nat", "home"] {
            run(&format!("ip netns add {}", world.place(place)));
            world.ip(place, "link set lo up");
        }
        world.cable("core", "198.51.100.1/24", "out", "198.51.100.9/24");
        world.cable("home", "10.0.0.2/24", "in", "10.0.0.1/24");
        for address in ["192.0.2.1/32", "192.0.2.2/32"] {
            world.ip("core", &format!("address add {address} dev lo"));
        }
        world.ip("nat", "route add 192.0.2.0/30 via 198.51.100.1");
        world.ip("home", "route add default via 10.0.0.1");
        run(&format!("ip netns exec {} sysctl -qw net.ipv4.ip_forward=1", world.place("nat")));
        let mut nft = world.command("nat", "nft");
        let mut nft = nft.args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let table = format!("table ip lab {{\n{}\n}}\n", rules.concat());
        nft.stdin.take().unwrap().write_all(table.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "{table}");
        world
    }

    fn place(&self, place: &str) -> String {
        format!("{}-{place}", self.name)
    }

    fn ip(&self, place: &str, line: &str) {
        run(&format!("ip -n {} {line}", self.place(place)));
    }

    /// A cable from a place to the NAT.
    fn cable(&self, place: &str, there: &str, device: &str, here: &str) {
        let other = self.place(place);
        self.ip("nat", &format!("link add {device} type veth peer name eth netns {other}"));
        for (at, device, address) in [(place, "eth", there), ("nat", device, here)] {
            self.ip(at, &format!("address add {address} dev {device}"));
            self.ip(at, &format!("link set {device} up"));
        }
    }

    fn command(&self, place: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.place(place), program]);
        command
    }

    /// Starts coturn with both addresses and waits until it listens on the last port.
    fn start_coturn(&mut self, dir: &Path) {
        let mut coturn = self.command("core", "turnserver");
        coturn.args("-n --stun-only --no-cli --no-tls --no-dtls --no-tcp".split(' '));
        coturn.args("-L 192.0.2.1 -L 192.0.2.2 -p 3478 --alt-listening-port 3479".split(' '));
        coturn.args(["--log-file", "stdout", "--pidfile"]).arg(dir.join("pid"));
        self.children.push(coturn.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let sockets = format!("/proc/{}/net/udp", self.children[0].id());
        // 192.0.2.2 and 3479 in the kernel's notation.
        wait_for(|| {
            std::fs::read_to_string(&sockets).ok()?.contains("020200C0:0D97").then_some(())
        });
    }

    /// Starts the client, and a session whose first dial has the NAT measured. The broker is not there.
    fn start_client(&mut self, log: &Path) {
        let mut client = self.command("home", env!("CARGO_BIN_EXE_snowflake-client"));
        client
            .env("TOR_PT_MANAGED_TRANSPORT_VER", "1")
            .env("TOR_PT_CLIENT_TRANSPORTS", "snowflake");
        let mut client = client.arg("-log").arg(log).stdout(Stdio::piped()).spawn().unwrap();
        let lines = self.lines.insert(BufReader::new(client.stdout.take().unwrap()).lines());
        self.children.push(client);
        let method = lines.map(Result::unwrap).find(|line| line.starts_with("CMETHOD ")).unwrap();
        let port = method.rsplit(':').next().unwrap();
        // The first server is dead.
        let args = "url=http://192.0.2.1:9/;ice=stun:192.0.2.3,stun:192.0.2.1";
        // Greeting, user name and request, each after the answer to the one before.
        let say = format!(
            r"exec 3<>/dev/tcp/127.0.0.1/{port}
            printf '\5\1\2' >&3; head -c 2 <&3
            printf '\1\{:o}{args}\1\0' >&3; head -c 2 <&3
            printf '\5\1\0\1\300\0\2\3\0\120' >&3; exec cat <&3",
            args.len()
        );
        let mut tor = self.command("home", "bash");
        self.children.push(tor.args(["-c", &say]).stdout(Stdio::null()).spawn().unwrap());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Fails only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
        for place in ["core", "nat", "home"] {
            let _ = Command::new("ip").args(["netns", "del", &self.place(place)]).status();
        }
    }
}

fn run(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success(), "{line}");
}

/// Looks often, for 10 s at the most.
fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "other programs are waited for")]
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The word in the log of a client behind a NAT with these rules.
fn word_behind(name: &str, rules: &[&str]) -> String {
    let dir = std::env::temp_dir().join(format!("nats-{}-{name}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let mut world = World::new(name, rules);
    world.start_coturn(&dir);
    let log = dir.join("log");
    world.start_client(&log);
    let word = wait_for(|| {
        let log = std::fs::read_to_string(&log).ok()?;
        let (word, _) = log.split_once("NAT Type: ")?.1.split_once('\n')?;
        Some(word.to_owned())
    });
    drop(world);
    std::fs::remove_dir_all(dir).unwrap();
    word
}

/// What is not there of all that this needs.
fn missing() -> Vec<&'static str> {
    let is_root = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.split_whitespace().eq(["Uid:", "0", "0", "0", "0"]))
    });
    let is_there = |program: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .any(|dir| dir.join(program).exists())
    };
    let programs = ["ip", "nft", "turnserver", "bash"].into_iter();
    let missing = programs.filter(|program| !is_there(program));
    missing.chain((!is_root).then_some("root")).collect()
}

#[test]
fn each_kind_has_its_word() {
    if std::env::var("SNOWFLAKE_WITHOUT_NATS").is_ok_and(|value| value == "1") {
        return eprintln!("left out, because SNOWFLAKE_WITHOUT_NATS=1");
    }
    let missing = missing();
    assert!(missing.is_empty(), "no {missing:?}; SNOWFLAKE_WITHOUT_NATS=1 leaves this test out");
    for (name, rules, word) in [
        ("open", &[ONE_TO_ONE][..], "open"),
        ("address", &[ONE_TO_ONE, BY_ADDRESS], "moderate"),
        ("port", &[BY_PORT], "moderate"),
        ("symmetric", &[SYMMETRIC], "strict"),
    ] {
        assert_eq!(word_behind(name, rules), word, "{name}");
    }
}
