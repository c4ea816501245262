//! A seeded link on a virtual clock that loses, duplicates, reorders, delays and can be cut.
