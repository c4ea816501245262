//! Many carriers under one session: how much each may hold, which comes next, which is dead.
//!
//! **Pure**: no sockets, no clock, no runtime. It moves no packet. A session tells it what happened to its carriers and
//! their packets, and does what it is told:
//!
//! ```text
//!   opened, ended                    pick: the carrier of the next packet, and how much it may take
//!   heard, sent, settled   ------>   Order: probe, resend, close
//!   time                  Carriers   missing: how many more carriers are wanted
//! ```
//!
//! # Why a session has to do this itself
//!
//! A carrier is a reliable pipe through a volunteer's machine: a data channel, then a WebSocket. It never says "no":
//! what it cannot send yet it queues, in the data channel's buffer, in the proxy, in the sockets. Given all that KCP's
//! window of 65,535 segments allows, it queues for seconds, and everything that is written later waits behind that. And
//! it does not say when it dies either. The only thing to go by is what the peer answers.
//!
//! # How much a carrier may hold
//!
//! What it delivers in its shortest round trip, and 35 ms of the same rate on top: the 20 ms for which the peer may
//! collect acknowledgements, and 15 ms of queue; at most 4 MiB. The rate is the highest of the last ten seconds in
//! which the window was used (an idle session makes no rate forgotten), as in BBR (draft-cardwell-ccwg-bbr), and not
//! what a delay allows, as in LEDBAT or Copa: data channels deliver in fits, whenever a lost SCTP packet has been sent
//! again, and a controller that takes each fit for a queue ends with a fraction of the path. The queue on top keeps the
//! path busy between two answers and lets the rate grow when the path does, so that no phases to search for more are
//! needed. Every ten seconds, unless the shortest round trip was seen meanwhile, the queue is drained for a moment to
//! measure it anew. A new carrier begins with 16 KiB and doubles with every round trip until its rate no longer grows.
//!
//! Answers come every 20 ms, and what they make room for goes out at once, which the queue absorbs. But a lost SCTP packet
//! holds up all that follows, then a whole window is answered together. That would overflow a queue of 100 ms when it went
//! out together: something is lost again, holds up the next window, and so on, at two thirds of the path's rate. So what
//! exceeds 40 ms of the rate leaves at a quarter more than the rate. And such an answer says nothing about the rate by
//! itself, so the rate is that of two round trips.
//!
//! On a path that loses packets all the time, nearly all that is under way waits for one that is repeated: it takes two or
//! three round trips, and nothing queues. The window above alone would deliver less and less there, until about one packet
//! is lost in a round trip: 2 Mbit/s with 5 % and 100 ms. Its delay alone does not tell a hold-up from a queue, but what
//! queues is answered steadily, and what is held up in leaps. So the longest time without an answer, the median of
//! eight epochs, is added to the round trip as far as it is not explained, 300 ms at the most. A hold-up now and then
//! does not move a median. Where answers come in leaps because they return over a carrier that loses packets, one that
//! loses none gets as much more, and may hold a queue of that length.
//!
//! # Which carrier comes next
//!
//! The one that will have delivered first: the least sum of round trip and time to drain what it holds. With bounds as
//! above this uses all carriers up to their rates (work-conserving), prefers the quick ones while there is little to
//! send, and lets the slow ones delay what is behind them by no more than their own bounded queue. Round robin by
//! weight was rejected: it needs the weights to be right, while here a carrier that is slower than believed simply has
//! no room. Sending everything twice was rejected: volunteers' bandwidth is what is scarce.
//!
//! # When a carrier is dead
//!
//! Whatever is sent asks for an answer within a *proof time*: the round trip with its variation, at least 200 ms. When
//! none comes, a probe is sent, and another; after three proof times without any sign of life, or after one if another
//! carrier has just come (back) to life, the carrier is *suspect*: it gets no new packets, what it held goes to the
//! others at once, and another carrier is asked for. A suspect that answers what it was asked as a suspect is trusted
//! again; answers to what went before say nothing about now. It is given up when another carrier has been working, and it
//! has been suspect, for six seconds. When all are silent together, the network is to blame, and nobody is given up for
//! twenty.
//!
//! So a carrier is *fresh*, *trusted* or *suspect*; *doubtful* if it owes a proof; *sound* if it is trusted and owes
//! none; and *usable* unless it is suspect.
//!
//! **Not here:** sending again (`snowflake-kcp`), how carriers are found (`snowflake-turbotunnel`), and clocks and
//! sockets (`snowflake-session`).

mod carrier;
mod carriers;
mod config;
mod congestion;
mod filters;
mod health;

pub use carriers::{Carriers, Grant, Order, Settled};
pub use config::{Config, QUEUE};
pub use health::State;
