//! The Snowflake proxy: a volunteer's machine, data channel in, WebSocket out.
