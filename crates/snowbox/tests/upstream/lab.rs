//! The namespaces: a client's home, a gate with the proxy, and the world; and a proxy that others wrote.

use std::{
    net::Ipv4Addr,
    process::{Child, Command},
    time::Duration,
};

use snowflake_snowbox::lab::namespace::Namespace;
use tempfile::TempDir;

pub(crate) const GATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const GATE_OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
pub(crate) const CORE: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];

/// A client, the gate with the proxy, and the world. The client's default route leads to the gate, which forwards nothing.
pub(crate) struct World {
    pub(crate) home: Namespace,
    pub(crate) gate: Namespace,
    pub(crate) core: Namespace,
}

impl World {
    pub(crate) async fn new() -> Self {
        let [home, gate, core] = [0; 3].map(|_| Namespace::new().unwrap());
        let cable = |device: &str, there: &Namespace| {
            format!("link add {device} type veth peer name eth netns {}", there.path().display())
        };
        let lines = |text: &str| text.split(';').map(str::to_owned).collect::<Vec<_>>();
        gate.ip([cable("in", &home), cable("out", &core)]).await.unwrap();
        gate.ip(lines(
            "link set lo up;link set in addrgenmode none;link set out addrgenmode none;\
             link set in up;link set out up;address add 10.0.0.1/24 dev in;\
             address add 198.51.100.1/24 dev out;route add default via 198.51.100.2",
        ))
        .await
        .unwrap();
        home.ip(lines(
            "link set lo up;link set eth addrgenmode none;link set eth up;\
             address add 10.0.0.2/24 dev eth;route add default via 10.0.0.1",
        ))
        .await
        .unwrap();
        core.ip(lines(
            "link set lo up;link set eth addrgenmode none;link set eth up;\
             address add 198.51.100.2/24 dev eth;address add 192.0.2.1/32 dev lo;\
             address add 192.0.2.2/32 dev lo;address add 1.1.1.1/32 dev lo",
        ))
        .await
        .unwrap();
        Self { home, gate, core }
    }

    pub(crate) fn nft(&self, args: &[&str]) -> String {
        let mut nft = Command::new("nsenter");
        nft.arg(format!("--net={}", self.home.path().display())).arg("nft").args(args);
        let output = nft.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs on a thread of its own within the namespace, for as long as it takes.
pub(crate) fn run<T: Send>(namespace: &Namespace, work: impl Future<Output = T> + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work))
    };
    namespace.within(run).unwrap()
}

/// Dante, a SOCKS5 server that others use; gone when this is dropped.
pub(crate) struct Dante {
    process: Child,
    _files: TempDir,
}

impl Dante {
    pub(crate) const PORT: u16 = 1080;

    /// Starts it at the gate, and waits until it listens.
    pub(crate) fn start(gate: &Namespace) -> Self {
        let files = tempfile::tempdir().unwrap();
        let file = |name| files.path().join(name);
        let everybody = "from: 0.0.0.0/0 to: 0.0.0.0/0";
        let config = format!(
            "logoutput: {log}\ninternal: {GATE} port = {port}\nexternal: {GATE_OUTSIDE}\n\
             clientmethod: none\nsocksmethod: none\nuser.privileged: root\nuser.unprivileged: nobody\n\
             client pass {{ {everybody} }}\n\
             socks pass {{ {everybody}\n command: connect udpassociate udpreply }}\n",
            log = file("log").display(),
            port = Self::PORT,
        );
        std::fs::write(file("conf"), config).unwrap();
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", gate.path().display())).arg("danted");
        command.arg("-f").arg(file("conf")).arg("-p").arg(file("pid"));
        let log = file("log");
        let dante = Self { process: command.spawn().unwrap(), _files: files };
        let is_there = || Ok(std::net::TcpStream::connect((GATE, Self::PORT)).is_ok());
        for _ in 0..500 {
            if gate.within(is_there).unwrap() {
                return dante;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{}", std::fs::read_to_string(log).unwrap_or_default());
    }
}

impl Drop for Dante {
    fn drop(&mut self) {
        // Its children notice that they are alone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
