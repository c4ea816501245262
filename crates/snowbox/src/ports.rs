//! Free TCP ports for programs that want to be told theirs.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

/// Where everything listens.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// `N` different ports on loopback that are free now.
///
/// All are held open until the last is found, so they differ. Someone else may take one before our program does; the program
/// then says so when it starts.
///
/// # Errors
/// When the system has no free port.
pub fn free<const N: usize>() -> io::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    let mut found = [SocketAddr::new(LOOPBACK, 0); N];
    for slot in &mut found {
        let listener = TcpListener::bind((LOOPBACK, 0))?;
        *slot = listener.local_addr()?;
        held.push(listener);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let [a, b, c] = free().unwrap();
        assert!(a != b && b != c && a != c);
        TcpListener::bind(a).unwrap();
    }
}
