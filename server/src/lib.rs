//! The Snowflake server: a bridge's transport, WebSockets in, tor's ORPort out.
