//! The Snowflake proxy.

fn main() {}
