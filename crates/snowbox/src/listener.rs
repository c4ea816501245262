//! One accept loop for everything that listens here.

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Connections that one listener usually serves at once.
pub(crate) const MAX_CONNECTIONS: usize = 64;

/// Accepts for ever, one task for each connection. Dropping the future ends all of them.
///
/// When there are `most` connections, further ones wait in the kernel's backlog.
pub(crate) async fn serve<H, F>(listener: TcpListener, most: usize, handle: H)
where
    H: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error of accept is that of one connection, or of too many open files: the next one may go well.
            accepted = listener.accept(), if connections.len() < most => if let Ok((stream, _)) = accepted {
                connections.spawn(handle(stream));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
