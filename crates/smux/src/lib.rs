//! Many streams in one byte stream: smux version 2, sans-IO.
