//! `moto`: a queue service of its own, in Python, which checks signatures as Amazon's does.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use snowflake_rendezvous::{Exchange, tls};
use snowflake_sqs::{Credentials, Sqs, limits};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use crate::support::*;

/// Python reads a lot of files before it listens.
const START: Duration = Duration::from_secs(120);

/// What the only user may do.
const POLICY: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C\
    %22Action%22%3A%22sqs%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D";

/// A running service with one user.
pub(crate) struct Moto {
    pub(crate) url: Url,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    addr: SocketAddr,
    _server: Child,
    _log: JoinSet<()>,
}

impl Moto {
    pub(crate) async fn start() -> Self {
        let program = std::env::var_os("SNOWFLAKE_MOTO").unwrap_or("moto_server".into());
        let mut server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            // Who makes the user is not asked for a signature; from then on everybody is.
            .env("INITIAL_NO_AUTH_ACTION_COUNT", "3")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("moto_server: run .ci/run test, or pip install 'moto[server]==5.2.5' and set SNOWFLAKE_MOTO to it");
        let (addr, log) = listens(server.stderr.take().unwrap()).await;
        let url = Url::parse(&format!("http://{addr}/")).unwrap();
        let (access_key, secret_key) = Default::default();
        let mut moto = Self { url, access_key, secret_key, addr, _server: server, _log: log };
        moto.make_user().await;
        moto
    }

    async fn make_user(&mut self) {
        self.identity("CreateUser&UserName=broker").await;
        let policy = format!("PutUserPolicy&UserName=broker&PolicyName=p&PolicyDocument={POLICY}");
        self.identity(&policy).await;
        let keys = self.identity("CreateAccessKey&UserName=broker").await;
        let between = |tag: &str| {
            let (_, rest) = keys.split_once(&format!("<{tag}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        (self.access_key, self.secret_key) = (between("AccessKeyId"), between("SecretAccessKey"));
    }

    /// A request to the service that knows users.
    async fn identity(&self, action: &str) -> String {
        let body = format!("Version=2010-05-08&Action={action}");
        let mut connection = Connection(TcpStream::connect(self.addr).await.unwrap());
        connection
            .send(format!(
                "POST / HTTP/1.1\r\nHost: iam.amazonaws.com\r\n\
                 Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, \
                 SignedHeaders=host, Signature=x\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// The queue service for its user.
    pub(crate) fn sqs(&self) -> Sqs {
        self.sqs_with_secret(&self.secret_key)
    }

    pub(crate) fn sqs_with_secret(&self, secret_key: &str) -> Sqs {
        let tls = tls::client_config().unwrap();
        let exchange = Exchange::new(self.url.clone(), [""; 0], tls, limits::HEADERS).unwrap();
        let credentials = Credentials::new(self.access_key.clone(), secret_key.to_owned()).unwrap();
        Sqs::new(exchange, "us-east-1".parse().unwrap(), credentials)
    }
}

/// Where it listens, which it says in its log; and what reads the rest of that, because it waits for a reader.
async fn listens(log: ChildStderr) -> (SocketAddr, JoinSet<()>) {
    let mut log = BufReader::new(log).lines();
    let told = async {
        let mut lines = Vec::new();
        while let Some(line) = log.next_line().await.unwrap() {
            if let Some((_, addr)) = line.split_once("Running on http://") {
                return addr.trim().parse().unwrap();
            }
            lines.push(line);
        }
        panic!("moto does not listen: {lines:?}");
    };
    let addr = timeout(START, told).await.expect("moto listens");
    let mut reading = JoinSet::new();
    reading.spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    (addr, reading)
}
