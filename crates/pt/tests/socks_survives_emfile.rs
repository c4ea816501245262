//! Too many open files are waited out. The limit is the whole process's, so this file holds one
//! test.
#![cfg(any(target_os = "linux", target_os = "android"))]

use std::{fs::File, io, time::Duration};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use snowflake_pt::SocksListener;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Opens files until there can be no more.
fn exhaust() -> Vec<File> {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files
}

#[tokio::test]
async fn a_listener_without_file_descriptors_waits_for_some() -> io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 64, most)?;
    let mut listener = SocksListener::bind()?;
    // The kernel completes the connection before anybody accepts it.
    let mut tor = TcpStream::connect(listener.local_addr()).await?;
    let files = exhaust();
    tor.write_all(&[5, 1, 0]).await?;
    timeout(Duration::from_millis(100), listener.accept()).await.expect_err("cannot accept");
    drop(files);
    let client = async {
        let mut reply = [0; 2];
        tor.read_exact(&mut reply).await?;
        tor.write_all(&[5, 1, 0, 1, 192, 0, 2, 3, 0, 80]).await?;
        io::Result::Ok(reply)
    };
    let (reply, request) = tokio::join!(client, listener.accept());
    assert_eq!(reply?, [5, 0]);
    assert!(request.args().is_empty());
    Ok(())
}
