//! The Snowflake client.

fn main() {}
