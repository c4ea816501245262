//! The Snowflake client: tor's SOCKS connections over volunteer proxies.
