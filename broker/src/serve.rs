//! Connections: accepts them, limits them, speaks HTTP on them, and ends them.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use snowflake_messages::limits::MAX_BODY;
use snowflake_tls_server::H2;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::limits::{ACCEPT_PAUSE, MAX_HEADER, MAX_STREAMS, STREAMS_WINDOW};
use crate::{Broker, Config, http};

/// Serves with this configuration until `shutdown`; returns when the last connection is closed.
pub async fn run(config: Config, listener: TcpListener, shutdown: CancellationToken) {
    Broker::new(config).serve(listener, shutdown).await;
}

/// The two ways of a connection to know what is spoken on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Spawns what hyper wants to spawn, as tasks that the broker waits for. A stream's task ends with
/// its connection.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tracked {
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

impl Broker {
    /// Serves until `shutdown`; returns when the last connection is closed. All waits then end at
    /// once, without result.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        self.serve_queues(&tasks);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = Arc::clone(&self).accept(&listener, &tasks) => {}
            () = self.publish_metrics() => {}
            () = self.keep_certificates() => {}
            () = self.keep_ip_count() => {}
        }
        drop(listener);
        self.closing.cancel();
        tasks.close();
        tasks.wait().await;
        if let Some(count) = &self.config.ip_count {
            count.write_chunks().await;
        }
    }

    /// Writes how many addresses there are, for ever.
    async fn keep_ip_count(&self) {
        match &self.config.ip_count {
            Some(count) => count.keep().await,
            None => std::future::pending().await,
        }
    }

    /// Watches certificate files, or gets and renews certificates, for ever.
    async fn keep_certificates(&self) {
        match &self.config.tls {
            Some(tls) => tls.keep().await,
            None => std::future::pending().await,
        }
    }

    /// Accepts connections for ever, as many at once as the limits allow.
    async fn accept(self: Arc<Self>, listener: &TcpListener, tasks: &TaskTracker) {
        let slots = Arc::new(Semaphore::new(self.config.limits.connections));
        // A row of failures has one line in the log.
        let mut failing = false;
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    failing = false;
                    let peer = peer.ip().to_canonical();
                    let connection = Arc::clone(&self).serve_tcp(stream, peer, tasks.clone());
                    tasks.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        warn!(%error, "cannot accept connections, trying again and again");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve_tcp(self: Arc<Self>, mut stream: TcpStream, peer: IpAddr, tasks: TaskTracker) {
        // Responses are small and waited for. Without it they are only later.
        let _ = stream.set_nodelay(true);
        let origin = self.balancers.origin(&mut stream, peer, self.config.limits.proxy_header);
        // What went wrong has been said.
        let Some(Ok(peer)) = self.closing.run_until_cancelled(origin).await else { return };
        let Some(tls) = self.config.tls.clone() else {
            return self.serve_stream(stream, peer, Protocol::Http1, tasks).await;
        };
        let handshake = timeout(self.config.limits.tls_handshake, tls.accept(stream));
        match self.closing.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => {
                let protocol = if stream.get_ref().1.alpn_protocol() == Some(H2) {
                    Protocol::Http2
                } else {
                    Protocol::Http1
                };
                self.serve_stream(stream, peer, protocol, tasks).await;
            }
            Some(Ok(Err(error))) => debug!(%error, "a connection was not taken"),
            Some(Err(_)) => debug!("TLS handshake took too long"),
            None => {}
        }
    }

    /// Speaks HTTP on one connection.
    async fn serve_stream<S>(
        self: Arc<Self>,
        stream: S,
        peer: IpAddr,
        protocol: Protocol,
        tasks: TaskTracker,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        let broker = Arc::clone(&self);
        let service = service_fn(move |request| http::respond(Arc::clone(&broker), peer, request));
        match protocol {
            Protocol::Http1 => self.drive(self.http1().serve_connection(io, service)).await,
            Protocol::Http2 => self.drive(self.http2(tasks).serve_connection(io, service)).await,
        }
    }

    /// Serves a connection until it closes. When it is old or the broker stops, it takes no further
    /// requests.
    async fn drive<C: GracefulConnection<Error = hyper::Error>>(&self, connection: C) {
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Ok(ended),
            _ = timeout(self.config.limits.connection_age, self.closing.cancelled()) => {
                connection.as_mut().graceful_shutdown();
                timeout(self.config.limits.drain, connection).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "connection failed"),
            Err(_) => debug!("connection did not end in time"),
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        // A peer that closes its half has hung up: the handler is dropped at once, and with it its
        // place in the waiting room.
        builder.half_close(false);
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.limits.header)
            .max_buf_size(MAX_HEADER)
            .max_header_size(MAX_HEADER);
        builder
    }

    fn http2(&self, tasks: TaskTracker) -> http2::Builder<Tracked> {
        let mut builder = http2::Builder::new(Tracked(tasks));
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER as u32);
        // What a peer may send before anybody reads it.
        builder
            .initial_stream_window_size(MAX_BODY as u32)
            .initial_connection_window_size(STREAMS_WINDOW);
        // A connection whose peer is gone without a word is noticed by pings.
        builder
            .keep_alive_interval(self.config.limits.header)
            .keep_alive_timeout(self.config.limits.tls_handshake);
        builder
    }
}

#[cfg(test)]
mod tests;
