//! A WebRTC data channel as a carrier.
