//! The Snowflake broker.

fn main() {}
