//! The local network: every program on one machine, checked end to end.
