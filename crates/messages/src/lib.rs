//! What client, proxy and broker say to each other.
