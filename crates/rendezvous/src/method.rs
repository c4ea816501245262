//! What a way to the broker is, whichever it is.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;

use crate::{error::RendezvousError, limits};

/// An exchange under way; dropping it ends it.
pub type Exchanging<'a> = Pin<Box<dyn Future<Output = Result<Bytes, RendezvousError>> + Send + 'a>>;

/// A way in which a client's poll gets to the broker, and the response back.
///
/// Poll and response are bytes to it; `snowflake-messages` knows what they say.
///
/// ```
/// use snowflake_rendezvous::{Exchanging, Poll, Rendezvous, RendezvousError};
///
/// /// Asks a friend, who has an answer for everything.
/// #[derive(Debug)]
/// struct Friend;
///
/// impl Rendezvous for Friend {
///     fn name(&self) -> &str {
///         "friend"
///     }
///
///     fn broker(&self) -> &str {
///         "the friend's broker"
///     }
///
///     fn exchange(&self, poll: Poll) -> Exchanging<'_> {
///         Box::pin(async {
///             // Here: whatever takes time and tells the broker nothing. Then:
///             let message = poll.message().await;
///             Ok([b"you said ".as_slice(), &message].concat().into())
///         })
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let answer = Friend.exchange(Poll::new("hello")).await?;
/// assert_eq!(answer, "you said hello");
/// # Ok::<(), RendezvousError>(())
/// # }).unwrap();
/// ```
pub trait Rendezvous: fmt::Debug + Send + Sync {
    /// What kind of way it is, in one word without addresses, for logs: `http`, `ampcache`.
    fn name(&self) -> &str;

    /// Which broker it leads to: two ways are taken to lead to the same if this is the same. Not for logs.
    fn broker(&self) -> &str;

    /// How long a response may take from when the [`Poll::message`] was given out, if all goes well.
    ///
    /// Of several ways no other asks before that: a broker that is slow, and one that is asked for the same offer
    /// meanwhile, would each find a proxy for it. Default: [`limits::PATIENCE`], which is right where the poll gets to the
    /// broker within a second or so.
    fn patience(&self) -> Duration {
        limits::PATIENCE
    }

    /// Takes one poll to the broker and returns the response.
    ///
    /// It should get ready first, by connecting for example, and ask for the [`Poll::message`] only then: of several ways
    /// that are tried at once, the first to ask is the first to be sent. It has to end by itself within a minute or so,
    /// and to bound what it reads; a response has at most 100000 bytes.
    ///
    /// # Errors
    ///
    /// When there is no response; one that refuses is a response.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends everything that belongs to it. The broker may have been asked all the same.
    fn exchange(&self, poll: Poll) -> Exchanging<'_>;
}

/// A client's poll on its way, which may have to wait for its turn.
pub struct Poll {
    message: Bytes,
    turn: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Poll {
    /// A poll that may be sent at once.
    pub fn new(message: impl Into<Bytes>) -> Self {
        Self { message: message.into(), turn: None }
    }

    /// A poll that may be sent when `turn` ends.
    pub fn after(
        turn: impl Future<Output = ()> + Send + 'static,
        message: impl Into<Bytes>,
    ) -> Self {
        Self { message: message.into(), turn: Some(Box::pin(turn)) }
    }

    /// Waits until it may be sent, and returns what is to be sent: now, and once.
    pub async fn message(self) -> Bytes {
        if let Some(turn) = self.turn {
            turn.await;
        }
        self.message
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poll({} bytes)", self.message.len())
    }
}
