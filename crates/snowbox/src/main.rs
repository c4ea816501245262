//! The local network of Snowflake, in one command.

fn main() {}
