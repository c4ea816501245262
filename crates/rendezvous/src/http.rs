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
    HeaderMap, Method, Response, StatusCode,
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
    /// Besides those that every request has.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) accept: Accept,
}

impl Request {
    /// One to which 200 is the only good answer.
    pub(crate) fn new(method: Method, url: Url, body: Bytes) -> Self {
        let accept = Accept { any_status: false, longest: limits::RESPONSE_BODY };
        Self { method, url, headers: HeaderMap::new(), body, accept }
    }
}

/// Which responses are no errors.
pub(crate) struct Accept {
    /// Any status; else 200 only, and no redirect with it.
    pub(crate) any_status: bool,
    /// The most bytes of a body.
    pub(crate) longest: usize,
}

/// HTTP/1.1: the broker's name is in the `Host` header.
pub(crate) async fn one<T>(
    transport: T,
    request: &Request,
    header_limit: Duration,
) -> Result<Response<Bytes>, ExchangeError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut message = http::Request::builder()
        .method(&request.method)
        .uri(&request.url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, authority(&request.url))
        .header(header::USER_AGENT, "Go-http-client/1.1")
        .body(Full::new(request.body.clone()))
        .map_err(ExchangeError::Request)?;
    message.headers_mut().extend(request.headers.clone());
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(limits::RESPONSE_HEAD)
        .handshake(TokioIo::new(transport))
        .await
        .map_err(ExchangeError::Http)?;
    let response = read(sender.send_request(message), header_limit, &request.accept);
    beside(connection, response).await
}

/// HTTP/2: the broker's name is in `:authority`.
pub(crate) async fn two<T>(
    transport: T,
    request: &Request,
    header_limit: Duration,
) -> Result<Response<Bytes>, ExchangeError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let uri = http::Uri::builder()
        .scheme(request.url.scheme())
        .authority(authority(&request.url))
        .path_and_query(&request.url[Position::BeforePath..Position::AfterQuery])
        .build()
        .map_err(ExchangeError::Request)?;
    let mut message = http::Request::builder()
        .method(&request.method)
        .uri(uri)
        .header(header::USER_AGENT, "Go-http-client/2.0")
        .body(Full::new(request.body.clone()))
        .map_err(ExchangeError::Request)?;
    message.headers_mut().extend(request.headers.clone());
    let tasks = Tasks::default();
    let _abort = AbortOnDrop(tasks.clone());
    let (mut sender, connection) = http2::Builder::new(tasks)
        .max_header_list_size(limits::RESPONSE_HEAD as u32)
        .initial_stream_window_size(limits::RESPONSE_BODY as u32 + 1)
        .handshake(TokioIo::new(transport))
        .await
        .map_err(ExchangeError::Http)?;
    let response = read(sender.send_request(message), header_limit, &request.accept);
    beside(connection, response).await
}

/// Host, with the port if it is not the scheme's usual one.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Runs the connection while the exchange needs it. An error of the connection reaches the exchange by itself.
async fn beside<E>(
    connection: impl Future<Output = Result<(), E>>,
    exchange: impl Future<Output = Result<Response<Bytes>, ExchangeError>>,
) -> Result<Response<Bytes>, ExchangeError> {
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
    accept: &Accept,
) -> Result<Response<Bytes>, ExchangeError> {
    let response = timeout(header_limit, response)
        .await
        .map_err(|_| ExchangeError::TimedOut(Step::Headers, header_limit))?
        .map_err(ExchangeError::Http)?;
    if !accept.any_status {
        insist_on_ok(&response)?;
    }
    let (head, body) = response.into_parts();
    let body = timeout(limits::BODY, collect(body, accept.longest))
        .await
        .map_err(|_| ExchangeError::TimedOut(Step::Body, limits::BODY))??;
    Ok(Response::from_parts(head, body))
}

fn insist_on_ok<B>(response: &Response<B>) -> Result<(), ExchangeError> {
    if response.status() != StatusCode::OK {
        return Err(ExchangeError::Status(response.status().as_u16()));
    }
    if response.headers().contains_key(header::LOCATION) {
        return Err(ExchangeError::Redirect);
    }
    Ok(())
}

/// Reads a body that is at most as long as it may be; what it announces is not believed.
async fn collect(
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
    longest: usize,
) -> Result<Bytes, ExchangeError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(ExchangeError::Http)?.into_data() else { continue };
        if collected.len() + data.len() > longest {
            return Err(ExchangeError::BodyTooLong(longest));
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
