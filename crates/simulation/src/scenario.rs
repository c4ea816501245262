//! What is played more than once: by a test of its own, and again with each bug that it should find.
