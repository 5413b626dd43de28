//! A long line: bytes arrive whole and in order, but late.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::site::Site;

/// Puts a line before a site whose round trip takes this long; the URL by which clients go over it.
pub async fn long_line(site: &Site, round_trip: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url = site.server_url();
    let target = std::mem::replace(&mut url.address, listener.local_addr().unwrap().to_string());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(&target).await else {
                continue;
            };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, round_trip / 2));
            tokio::spawn(carry(far_in, near_out, round_trip / 2));
        }
    });
    url.to_string()
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sent, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let reading = async move {
        loop {
            let mut bytes = vec![0; 64 * 1024];
            match from.read(&mut bytes).await {
                Ok(len) if len > 0 => bytes.truncate(len),
                _ => return,
            }
            if sent.send((Instant::now() + delay, bytes)).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, bytes)) = arriving.recv().await {
            // sleep: the length of the line is what is simulated
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}
