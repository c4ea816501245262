//! The conversation with tor: managed transports, SOCKS5 with arguments, ORPort and Extended ORPort.
