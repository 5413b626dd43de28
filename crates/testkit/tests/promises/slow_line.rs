//! A line on which every byte takes its time.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// A URL for the same server, behind a line with this delay each way. The line ends with the runtime.
pub(crate) async fn behind(url: &str, each_way: Duration) -> String {
    let (address, fingerprint) = url.strip_prefix("crannog://").unwrap().split_once('#').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    let address = address.to_owned();
    tokio::spawn(async move {
        let mut lines = JoinSet::new();
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&address).await;
            lines.spawn(async move {
                let Ok(far) = far else { return };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::join!(carry(near_in, far_out, each_way), carry(far_in, near_out, each_way));
            });
        }
    });
    format!("crannog://{own}#{fingerprint}")
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let reading = async move {
        loop {
            let mut buffer = vec![0; 64 * 1024];
            let Ok(len @ 1..) = from.read(&mut buffer).await else { return };
            buffer.truncate(len);
            if sender.send((Instant::now() + delay, buffer)).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, bytes)) = under_way.recv().await {
            // sleep: this is the slow line
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
