//! A broker for one test: a tiny HTTP server whose replies are a function.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Status and body for a request's path and body.
pub(crate) type Replies = dyn Fn(&str, &str) -> (u16, String) + Send + Sync;

/// Serves until it is dropped.
pub(crate) struct Broker {
    /// `http://127.0.0.1:port/`.
    pub(crate) url: String,
    _serving: JoinSet<()>,
}

impl Broker {
    /// Starts to serve.
    pub(crate) async fn start(
        replies: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::new(replies)));
        Self { url, _serving: serving }
    }
}

async fn serve(listener: TcpListener, replies: Arc<Replies>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(answer(stream, replies.clone()));
    }
}

async fn answer(stream: TcpStream, replies: Arc<Replies>) {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await.unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let (status, reply) = replies(&path, std::str::from_utf8(&body).unwrap());
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", reply.len());
    let _ = stream.write_all((head + &reply).as_bytes()).await;
}
