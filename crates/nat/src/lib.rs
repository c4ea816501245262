//! What a NAT does, found out by asking STUN servers from two sides (RFC 5780).
//!
//! **Pure**: no sockets, no clock, no runtime. One [`Probe`] asks one server; a driver moves its packets over two
//! sockets. Any number of probes run side by side, so a server that is dead delays nobody; [`Findings`] is what they
//! come to together.
//!
//! ```text
//!  socket        asks                           is answered from
//!  mapping       the server                     the server: "you are M, my other address is O"
//!  mapping       O                              O: "you are M" or "you are M'"
//!  filtering     the server, "answer from O"    O, or not at all
//! ```
//!
//! * M' differs from M: the mapping depends on whom we talk to, [`Behaviour::Strict`].
//! * O reaches a socket that has never sent to O: nothing is filtered, [`Behaviour::Open`].
//! * It does not: [`Behaviour::Moderate`]. So it is also with a server that cannot answer from O, and when all its
//!   answers are lost: the word that costs less when it is wrong.
//!
//! The filtering test has a socket of its own, because the question to O opens the filter for what comes from O
//! (RFC 5780, section 4.5).
//!
//! # What is believed
//!
//! Only a Binding success response that names the transaction of one of our questions, that came on the socket which
//! asked it and from the address which was to answer. Everything else is ignored and changes nothing: stray datagrams,
//! late answers, guesses. A server decides where a few small packets go, so O has to be another host, of the same
//! family, and a server elsewhere cannot send us to a private or loopback address.
//!
//! * [`Probe`]: the questions to one server. [`Behaviour`], [`Unusable`]: what comes of it.
//! * [`Findings`]: what several probes mean together.
//! * [`limits`]: how often and how long is asked.
//! * [`stand_in`]: the server's side, for tests.
//!
//! **Not here:** names and sockets (the client), and the words for it that a broker understands.

mod findings;
pub mod limits;
mod message;
mod probe;
mod question;
pub mod stand_in;

pub use findings::Findings;
pub use probe::{Behaviour, Port, Probe, Randomness, Transmit, Unusable};
