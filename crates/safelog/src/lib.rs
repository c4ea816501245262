//! No address, session description or ClientID in any log unless the operator asks.
