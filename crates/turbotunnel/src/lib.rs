//! Packet conns: a virtual path for packets over carriers that may die.
