//! Every timer and capacity of the broker.

use std::time::Duration;

/// How long the broker waits, and how much it holds. [`Default`] is what deployments use; tests
/// wait for less.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a proxy's poll is held. Default: 10 s, Go's `ProxyTimeout`.
    pub proxy_wait: Duration,
    /// How long a client waits for the answer of its proxy. Default: 5 s, Go's `ClientTimeout`:
    /// content delivery networks in front of a broker give up soon after.
    pub client_wait: Duration,
    /// Proxies held at once. Default: 32768. When full, further proxies are told at once that there
    /// is no match.
    pub proxies: usize,
    /// Clients waiting for answers at once. Default: 8192; the public network has some hundred. When
    /// full, further clients are told at once that there are no proxies.
    pub clients: usize,
    /// Addresses whose next turn to poll is remembered, in each pool. Default: 131072, some 10 MB.
    /// When full, further addresses poll without limit until others' turns come.
    pub addresses: usize,
    /// Connections at once. Default: 65536. When full, no more are accepted: they wait in the
    /// kernel's queue.
    pub connections: usize,
    /// Bytes of request bodies in memory at once. Default: 256 MiB. When full, requests get status
    /// 503.
    pub body_bytes: usize,
    /// Time for a load balancer's PROXY header. Default: 5 s; it is the first thing that a balancer sends.
    pub proxy_header: Duration,
    /// Time for a TLS handshake. Default: 10 s.
    pub tls_handshake: Duration,
    /// Time for a request's header, and idle time between two requests. Default: 30 s, longer than
    /// the interval at which proxies poll, so that they can keep their connections.
    pub header: Duration,
    /// Time for a request's body. Default: 10 s. A slower one gets status 408.
    pub body: Duration,
    /// Age at which a connection takes no further requests. Default: 5 min; no peer can hold one
    /// for ever.
    pub connection_age: Duration,
    /// Time between two looks for SQS queues of clients that are old. Default: 30 s, as Go.
    pub queue_sweep: Duration,
    /// Age at which a client's SQS queue is deleted. Default: 2 min, as Go; a client is done with
    /// its queue after some 110 s at the most.
    pub queue_age: Duration,
    /// Time for requests in progress once their connection takes no further ones. Default: 15 s,
    /// which is longer than any wait.
    pub drain: Duration,
}

impl Limits {
    /// Files that are open when there are as many connections as there may be.
    pub fn open_files(&self) -> u64 {
        (self.connections + OTHER_FILES) as u64
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            proxy_wait: Duration::from_secs(10),
            client_wait: Duration::from_secs(5),
            proxies: 32_768,
            clients: 8_192,
            addresses: 131_072,
            connections: 65_536,
            body_bytes: 256 << 20,
            proxy_header: Duration::from_secs(5),
            tls_handshake: Duration::from_secs(10),
            header: Duration::from_secs(30),
            body: Duration::from_secs(10),
            connection_age: Duration::from_secs(300),
            queue_sweep: Duration::from_secs(30),
            queue_age: Duration::from_secs(120),
            drain: Duration::from_secs(15),
        }
    }
}

/// Files that are open besides connections, with room: listeners, logs, what is read again, the runtime's.
const OTHER_FILES: usize = 64;

/// When proxies should poll again unless a file says otherwise. Go's default since 2.14.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(20);

/// When a proxy whose relay pattern is refused should poll again: its operator has to act first.
/// Equals Go's.
pub(crate) const REFUSED_POLL_INTERVAL: Duration = Duration::from_secs(3600);

/// Span of one block of the metrics log.
pub(crate) const METRICS_INTERVAL: Duration = Duration::from_secs(86_400);

/// Proxies' addresses that are counted for one block: some 35 MB. When full, further ones
/// are left out, and a warning says so with the block.
pub(crate) const MAX_COUNTED_ADDRESSES: usize = 1 << 20;

/// Largest metrics log that `/metrics` hands out: some decades of blocks. Above, status 500.
pub(crate) const MAX_METRICS_LOG: u64 = 16 << 20;

/// Longest line of a bridge list, as Go's scanner has it.
pub(crate) const MAX_BRIDGE_LINE: usize = 64 << 10;

/// How long one request for messages of an SQS queue is held. Equals Go's.
pub(crate) const QUEUE_WAIT: Duration = Duration::from_secs(15);

/// Seconds for which an SQS queue keeps a message. Equals Go's; a queue that exists with another
/// value is refused by the service.
pub(crate) const QUEUE_RETENTION: &str = "300";

/// Messages of one SQS queue that are answered at once; each may have 1 MiB until it is looked at.
/// When there are as many, further ones wait in the queue.
pub(crate) const QUEUE_MESSAGES: usize = 256;

/// Time for one message: making its queue, matching, sending the response. A message that is not
/// deleted after 30 s comes again, so the rest is for that.
pub(crate) const QUEUE_MESSAGE: Duration = Duration::from_secs(20);

/// Time for deleting a message.
pub(crate) const QUEUE_DELETE: Duration = Duration::from_secs(8);

/// Pause after the queue service failed.
pub(crate) const QUEUE_PAUSE: Duration = Duration::from_secs(5);

/// Clients' SQS queues that are looked at at once.
pub(crate) const CLEAN_UPS_AT_ONCE: usize = 8;

/// Clients' SQS queues that are looked at in one sweep: some 13 MB of names. When there are more,
/// the rest waits for the next one, and a warning says so.
pub(crate) const MAX_CLIENT_QUEUES: usize = 100_000;

/// Pause after the system refused to accept a connection, most likely for lack of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Largest PROXY header. What balancers add to the addresses are names and identifiers, of a few hundred bytes.
pub(crate) const MAX_PROXY_HEADER: usize = 4 << 10;

/// Time between two warnings of load balancers without a good PROXY header.
pub(crate) const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// Largest header of an HTTP/1 request, and the size of a connection's read buffer.
pub(crate) const MAX_HEADER: usize = 32 << 10;

/// Requests at once on one HTTP/2 connection; a content delivery network may send many.
pub(crate) const MAX_STREAMS: u32 = 256;

/// Bytes that all requests of one HTTP/2 connection may send before anybody reads them.
pub(crate) const STREAMS_WINDOW: u32 = 256 << 10;
