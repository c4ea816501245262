//! A WebSocket as a carrier.
