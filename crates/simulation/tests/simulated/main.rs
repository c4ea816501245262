//! Sessions over simulated carriers; each module's name says what they have to bear.

mod bad_first_carrier;
mod bufferbloat;
mod failover;
mod fairness;
mod fits;
mod flicker;
mod historic_bugs;
mod lossy;
mod many_clients;
mod network_pause;
mod replay;
mod stripe;
