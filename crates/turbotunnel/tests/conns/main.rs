//! Packet conns over pipes on a paused clock; each module's name says what they promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod carriers_do_not_disturb_each_other;
mod dialer;
mod dials_follow_what_is_missing;
mod dials_spare_the_broker;
mod nothing_is_left_behind;
mod pipe;
mod promises;
mod queue;
mod redial;
mod slow_dials_are_raced;
