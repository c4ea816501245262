//! smux over KCP over any packet conn: the session that outlives its carriers.
