//! The Snowflake server.

fn main() {}
