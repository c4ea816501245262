//! Datagrams through the proxy.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::ReadBuf,
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout_at},
};

use crate::{
    datagram, dns,
    limits::{ANSWER, FURTHER_ANSWER, MAX_ANSWER, MAX_HEADER, NAME_SERVER, QUESTIONS},
};

/// A place at the proxy from which datagrams go out, and to which answers come. Dropping it gives the place back.
///
/// It lasts as long as the TCP connection over which it was asked for (RFC 1928, 7). When that ends, everything here
/// fails with [`io::ErrorKind::ConnectionAborted`]; nothing ever goes around the proxy.
#[derive(Debug)]
pub struct Association {
    control: TcpStream,
    /// Connected to the proxy's relay: it can reach nobody else, and hears nobody else.
    socket: UdpSocket,
}

impl Association {
    /// With the address that the proxy named. One without an IP address means that of the proxy.
    pub(crate) async fn new(
        control: TcpStream,
        relay: SocketAddr,
        proxy: IpAddr,
    ) -> io::Result<Self> {
        let ip = if relay.ip().is_unspecified() { proxy } else { relay.ip() };
        let ours = control.local_addr()?.ip();
        // The proxy may take datagrams from the address only that asked for them.
        let ours = match ip {
            _ if ours.is_ipv4() == ip.is_ipv4() => ours,
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((ours, 0)).await?;
        socket.connect((ip, relay.port())).await?;
        Ok(Self { control, socket })
    }

    /// The socket towards the proxy, for its options. Its datagrams have headers.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// Those of the socket. Whether the proxy is still there shows in [`recv_from`](Self::recv_from).
    pub async fn send_to(&self, payload: &[u8], to: SocketAddr) -> io::Result<()> {
        poll_fn(|cx| self.poll_send_to(cx, payload, to)).await
    }

    /// Receives a datagram: its length and its sender. What has no room is cut off.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ConnectionAborted`] when the proxy has ended the association; those of the socket.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut datagram = vec![0; MAX_HEADER + buffer.len()];
        let (payload, from) = poll_fn(|cx| self.poll_recv_from(cx, &mut datagram)).await?;
        let length = payload.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[payload][..length]);
        Ok((length, from))
    }

    /// As [`send_to`](Self::send_to), for one task only: of several that wait the last is woken.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        payload: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<()>> {
        let mut datagram = Vec::with_capacity(MAX_HEADER + payload.len());
        datagram::encode(to, payload, &mut datagram);
        match ready!(self.socket.poll_send(cx, &datagram)) {
            // Of one sent before; datagrams get lost.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Poll::Ready(Ok(())),
            sent => Poll::Ready(sent.map(drop)),
        }
    }

    /// Receives a datagram with its header, as [`recv_from`](Self::recv_from); returns where in `datagram` the payload
    /// is, and its sender. For one task only.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        datagram: &mut [u8],
    ) -> Poll<io::Result<(std::ops::Range<usize>, SocketAddr)>> {
        if let Poll::Ready(why) = self.poll_ended(cx) {
            return Poll::Ready(Err(why));
        }
        loop {
            let mut buffer = ReadBuf::new(datagram);
            match ready!(self.socket.poll_recv(cx, &mut buffer)) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                received => received?,
            }
            let length = buffer.filled().len();
            // What is no datagram of a peer is dropped.
            if let Some((from, start)) = datagram::decode(buffer.filled()) {
                return Poll::Ready(Ok((start..length, from)));
            }
        }
    }

    /// Nothing is said on that connection any more but that it ends.
    fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let ended = || io::Error::new(io::ErrorKind::ConnectionAborted, "the proxy has ended it");
        loop {
            if ready!(self.control.poll_read_ready(cx)).is_err() {
                return Poll::Ready(ended());
            }
            match self.control.try_read(&mut [0; 64]) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => return Poll::Ready(ended()),
            }
        }
    }

    /// Looks up names at [`NAME_SERVER`], all at once, asking [`QUESTIONS`] times: their IPv4 addresses, in the order of
    /// the names, none for those of which nothing is known then.
    ///
    /// It takes as long as `limit` at the most, and [`LOOKUP`](crate::limits::LOOKUP) if nobody answers. Once there is one
    /// answer, the others are waited for twice as long as that one took, between [`FURTHER_ANSWER`] and [`ANSWER`].
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    ///
    /// Answers that come later are datagrams like others.
    pub async fn lookup(&self, names: &[&str], limit: Duration) -> io::Result<Vec<Vec<Ipv4Addr>>> {
        let deadline = Instant::now() + limit;
        let mut quickest = None;
        let mut found = vec![None; names.len()];
        let mut questions = Vec::with_capacity(names.len());
        for name in names {
            let id = getrandom::u32().map_err(io::Error::other)? as u16;
            questions.push(dns::question(id, name));
        }
        for _ in 0..QUESTIONS {
            for (question, _) in questions.iter().zip(&found).filter(|(_, found)| found.is_none()) {
                if let Some(question) = question {
                    self.send_to(question, NAME_SERVER.into()).await?;
                }
            }
            let heard = self.hear_answers(&questions, &mut found, &mut quickest, deadline);
            if heard.await? || Instant::now() >= deadline {
                break;
            }
        }
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Until each question has its answer, or the time for one transmission or for all is over; whether it is the first.
    /// The `quickest` answer is the first: how far away the server is.
    async fn hear_answers(
        &self,
        questions: &[Option<Vec<u8>>],
        found: &mut [Option<Vec<Ipv4Addr>>],
        quickest: &mut Option<Duration>,
        deadline: Instant,
    ) -> io::Result<bool> {
        let is_open =
            |(question, found): (&Option<_>, &Option<_>)| question.is_some() && found.is_none();
        let asked = Instant::now();
        let mut message = [0; MAX_ANSWER];
        while questions.iter().zip(found.iter()).any(is_open) {
            let wait = quickest.map_or(ANSWER, |time| (2 * time).clamp(FURTHER_ANSWER, ANSWER));
            let until = deadline.min(asked + wait);
            let Ok(heard) = timeout_at(until, self.recv_from(&mut message)).await else {
                return Ok(false);
            };
            let (length, from) = heard?;
            if from != NAME_SERVER.into() {
                continue;
            }
            for (question, found) in questions.iter().zip(found.iter_mut()) {
                let Some(question) = question else { continue };
                if let Some(addresses) = dns::answer(question, &message[..length]) {
                    *found = Some(addresses);
                    quickest.get_or_insert(asked.elapsed());
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
