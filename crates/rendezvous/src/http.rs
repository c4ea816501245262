//! One request and its response over an open connection, in HTTP/1.1 or HTTP/2.

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Response, StatusCode,
    body::{Body, Incoming},
    client::conn::{http1, http2},
    header, http,
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::timeout,
};
use url::{Position, Url};

use crate::{
    error::{ExchangeError, Step},
    limits,
};

/// What is asked of the broker.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Its scheme, host and port name the broker, whoever is dialled.
    pub(crate) url: Url,
    pub(crate) body: Bytes,
}

/// HTTP/1.1: the broker's name is in the `Host` header.
pub(crate) async fn one<T>(
    transport: T,
    request: &Request,
    header_limit: Duration,
) -> Result<Bytes, ExchangeError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = http::Request::builder()
        .method(&request.method)
        .uri(&request.url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, authority(&request.url))
        .header(header::USER_AGENT, "Go-http-client/1.1")
        .body(Full::new(request.body.clone()))
        .map_err(ExchangeError::Request)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(limits::RESPONSE_HEAD)
        .handshake(TokioIo::new(transport))
        .await
        .map_err(ExchangeError::Http)?;
    let response = read(sender.send_request(request), header_limit);
    beside(connection, response).await
}

/// HTTP/2: the broker's name is in `:authority`.
pub(crate) async fn two<T>(
    transport: T,
    request: &Request,
    header_limit: Duration,
) -> Result<Bytes, ExchangeError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let uri = http::Uri::builder()
        .scheme(request.url.scheme())
        .authority(authority(&request.url))
        .path_and_query(&request.url[Position::BeforePath..Position::AfterQuery])
        .build()
        .map_err(ExchangeError::Request)?;
    let request = http::Request::builder()
        .method(&request.method)
        .uri(uri)
        .header(header::USER_AGENT, "Go-http-client/2.0")
        .body(Full::new(request.body.clone()))
        .map_err(ExchangeError::Request)?;
    let tasks = Tasks::default();
    let _abort = AbortOnDrop(tasks.clone());
    let (mut sender, connection) = http2::Builder::new(tasks)
        .max_header_list_size(limits::RESPONSE_HEAD as u32)
        .initial_stream_window_size(limits::RESPONSE_BODY as u32 + 1)
        .handshake(TokioIo::new(transport))
        .await
        .map_err(ExchangeError::Http)?;
    let response = read(sender.send_request(request), header_limit);
    beside(connection, response).await
}

/// Host, with the port if it is not the scheme's usual one.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Runs the connection while the exchange needs it. An error of the connection reaches the exchange by itself.
async fn beside<E>(
    connection: impl Future<Output = Result<(), E>>,
    exchange: impl Future<Output = Result<Bytes, ExchangeError>>,
) -> Result<Bytes, ExchangeError> {
    let drive = async {
        let _ = connection.await;
        pending::<Infallible>().await
    };
    tokio::select! {
        result = exchange => result,
        never = drive => match never {},
    }
}

async fn read(
    response: impl Future<Output = hyper::Result<Response<Incoming>>>,
    header_limit: Duration,
) -> Result<Bytes, ExchangeError> {
    let response = timeout(header_limit, response)
        .await
        .map_err(|_| ExchangeError::TimedOut(Step::Headers, header_limit))?
        .map_err(ExchangeError::Http)?;
    if response.status() != StatusCode::OK {
        return Err(ExchangeError::Status(response.status().as_u16()));
    }
    if response.headers().contains_key(header::LOCATION) {
        return Err(ExchangeError::Redirect);
    }
    timeout(limits::BODY, collect(response.into_body()))
        .await
        .map_err(|_| ExchangeError::TimedOut(Step::Body, limits::BODY))?
}

/// Reads a body that is at most as long as it may be; what it announces is not believed.
async fn collect(
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
) -> Result<Bytes, ExchangeError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(ExchangeError::Http)?.into_data() else { continue };
        if collected.len() + data.len() > limits::RESPONSE_BODY {
            return Err(ExchangeError::BodyTooLong(limits::RESPONSE_BODY));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

/// The tasks that HTTP/2 needs beside the connection: as many as it has requests, here one.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }
}

/// Ends the tasks with the exchange. They may hold a [`Tasks`] themselves, so dropping ours would not do.
struct AbortOnDrop(Tasks);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
