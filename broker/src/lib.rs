//! The Snowflake broker: matches clients with volunteer proxies.
