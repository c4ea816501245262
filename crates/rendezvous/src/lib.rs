//! One bounded HTTP exchange with the broker, domain fronting included.
