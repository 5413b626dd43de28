//! The bell.

use crannog_proto::api::{Held, Hold, Ring, Rung};
use crannog_proto::{decode, encode};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::TestServer;
use crate::client::{Client, hex, stream};
use crate::fixtures::{Epoch, Journal, random};
use crate::openapi;

pub(crate) type Socket = WebSocketStream<TlsStream<TcpStream>>;

pub(crate) async fn bell(server: &TestServer, client: &Client) -> Socket {
    let mut request = "wss://x/v1/bell".into_client_request().unwrap();
    let bearer = format!("Bearer {}", hex(&client.session.unwrap()));
    request
        .headers_mut()
        .insert("authorization", bearer.parse().unwrap());
    let tls = stream(&server.server.url, server.folder.path()).await;
    tokio_tungstenite::client_async(request, tls).await.unwrap().0
}

pub(crate) async fn hold(socket: &mut Socket, journals: &[(&Journal, [u8; 32])]) {
    let journals = journals
        .iter()
        .map(|(journal, token)| Held {
            journal: journal.id,
            token: *token,
        })
        .collect();
    let hold = encode(&Hold { journals });
    openapi::check_message("client", &hold);
    socket.send(Message::Binary(hold.into())).await.unwrap();
}

async fn ring(socket: &mut Socket) -> Option<Ring> {
    match rung(socket).await? {
        Rung::Journal(ring) => Some(*ring),
        Rung::Inbox => panic!("nothing lies in the inbox"),
    }
}

pub(crate) async fn rung(socket: &mut Socket) -> Option<Rung> {
    loop {
        match socket.next().await? {
            Ok(Message::Binary(bytes)) => {
                openapi::check_message("server", &bytes);
                return Some(decode(&bytes).unwrap());
            }
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

#[tokio::test]
async fn rings_at_once_and_on_every_append() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let (mut first, second) = (client.create().await, client.create().await);
    let mut socket = bell(&server, &client).await;
    hold(
        &mut socket,
        &[
            (&first, first.epoch.token),
            (&second, second.epoch.token),
            (&second, random()),
        ],
    )
    .await;
    let mut held = vec![
        ring(&mut socket).await.unwrap().last.journal,
        ring(&mut socket).await.unwrap().last.journal,
    ];
    held.sort_unstable();
    let mut both = vec![first.id, second.id];
    both.sort_unstable();
    assert_eq!(held, both);

    let change = first.change();
    client.done(&mut first, &change).await;
    let heard = ring(&mut socket).await.unwrap();
    assert_eq!((heard.last.seq, heard.last.head), (1, first.seen.head));
    assert_eq!(heard.entry.unwrap().entry, change, "small entries come along");

    // The old token hears the rekey and nothing after it.
    let rekey = first.rekey(&Epoch::new());
    client.done(&mut first, &rekey).await;
    let heard = ring(&mut socket).await.unwrap();
    assert_eq!(heard.last.seq, 2);
    hold(&mut socket, &[(&first, first.epoch.token)]).await;
    assert_eq!(
        ring(&mut socket).await.unwrap().last.seq,
        2,
        "a dead token is told the rekey that ended it"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_slow_listener_hears_the_newest() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let mut socket = bell(&server, &client).await;
    hold(&mut socket, &[(&journal, journal.epoch.token)]).await;
    ring(&mut socket).await.unwrap();
    let mut entries = Vec::new();
    for _ in 0..64 {
        let entry = journal.change();
        journal.saw(&entry);
        entries.push(entry);
    }
    client.append(journal.id, &entries).await;
    let mut last = 0;
    let mut count = 0;
    while last < 64 {
        let heard = ring(&mut socket).await.unwrap().last.seq;
        assert!(heard > last, "newer each time");
        (last, count) = (heard, count + 1);
    }
    assert!(count <= 64);
    server.stop().await;
}

#[tokio::test]
async fn nonsense_and_shutdown_close_it() {
    let server = TestServer::start().await;
    let (_, client) = server.person("alice").await;
    let mut socket = bell(&server, &client).await;
    socket.send(Message::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert!(ring(&mut socket).await.is_none());
    let mut socket = bell(&server, &client).await;
    let journal = Journal::new();
    let too_many: Vec<_> = (0..1025).map(|_| (&journal, random())).collect();
    hold(&mut socket, &too_many).await;
    assert!(ring(&mut socket).await.is_none());
    let mut socket = bell(&server, &client).await;
    let (folder, heard) = tokio::join!(server.stop(), ring(&mut socket));
    assert!(heard.is_none());
    drop(folder);
}
