//! Connections: accepts them, limits them, speaks HTTP on them, and ends them.

use std::io;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use snowflake_tls_server::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::probe::Prober;
use crate::{Config, http, limits};

/// Binds `host:port`, or `:port` for all addresses: IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
///
/// # Errors
///
/// What the system says, for instance that the address is in use.
pub async fn bind(addr: &str) -> io::Result<TcpListener> {
    let Some(port) = addr.strip_prefix(':') else { return TcpListener::bind(addr).await };
    match TcpListener::bind(format!("[::]:{port}")).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(format!("0.0.0.0:{port}")).await
        }
        bound => bound,
    }
}

/// Serves until `shutdown`, then ends everything: when it returns, no connection and no question is left.
///
/// # Cancel safety
///
/// Dropping the future ends everything, too, without waiting for it.
pub async fn run(config: Config, listener: TcpListener, shutdown: CancellationToken) {
    let tasks = Tasks::default();
    let _ended_with_this = tasks.stop.clone().drop_guard();
    let server =
        Server { prober: Arc::new(Prober::new(&config)), tls: config.tls, tasks: tasks.clone() };
    let keep_certificates = async {
        match &server.tls {
            Some(tls) => tls.keep().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = server.accept(&listener) => {}
        () = keep_certificates => {}
    }
    drop(listener);
    tasks.end().await;
}

/// All that runs beside the listener: connections, and answered questions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    running: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts one more, which is broken off when the server ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.running.spawn(async move { stop.run_until_cancelled(task).await });
    }

    /// Breaks all of them off, and waits until they are gone.
    async fn end(&self) {
        self.stop.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

#[derive(Clone)]
struct Server {
    prober: Arc<Prober>,
    tls: Option<Tls>,
    tasks: Tasks,
}

impl Server {
    /// Accepts connections for ever. Their tasks, and those of their questions, end by themselves within a minute.
    async fn accept(&self, listener: &TcpListener) {
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        // A row of failures has one line in the log.
        let mut failing = false;
        while let Ok(place) = places.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    failing = false;
                    let server = self.clone();
                    self.tasks.spawn(async move {
                        if timeout(limits::CONNECTION_AGE, server.serve(stream)).await.is_err() {
                            debug!("a connection did not end in time");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        warn!(%error, "cannot accept connections, trying again and again");
                    }
                    sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream) {
        // Replies are small and waited for. Without it they are only later.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else { return self.speak(stream).await };
        match timeout(limits::TLS, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(error)) => debug!(%error, "a connection was not taken"),
            Err(_) => debug!("a TLS handshake took too long"),
        }
    }

    async fn speak<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service =
            service_fn(|request| http::respond(self.prober.clone(), self.tasks.clone(), request));
        let spoken = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEAD)
            .max_buf_size(limits::MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = spoken.await {
            debug!(%error, "a connection failed");
        }
    }
}
