//! A client and a service over a real socket, honest and otherwise.

use std::io;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response};
use http_body_util::Full;
use tokio::io::AsyncWriteExt;

use super::service::{Socket, enveloped, json, read_head};
use crate::{
    Answer, Binding, Call, Client, DataKeyBits, Error, Misbehaviour, Misuse, Name, Proof, RefusalKind,
    SignOptions, Wrong,
};

async fn random(client: &Client) -> Error {
    client.random(1).await.unwrap_err()
}

fn misbehaved(error: Error) -> Misbehaviour {
    match error {
        Error::Misbehaved(how) => how,
        other => panic!("{other:?}"),
    }
}

/// As the page shows them.
fn honest() -> Socket {
    Socket::serving(|parts, body| {
        let batch = body.starts_with(br#"{"batch_input""#);
        let data = match parts.uri.path() {
            "/v1/transit/encrypt/k" if batch => {
                let both = r#"{"batch_results":[{"ciphertext":"vault:v1:AA==","key_version":1,"reference":""},{"error":"context provided for a key that is not derived","reference":""}]}"#;
                return json(400, enveloped(both));
            }
            "/v1/transit/decrypt/k" if batch => r#"{"batch_results":[{"plaintext":"AQI=","reference":""}]}"#,
            "/v1/transit/encrypt/k" => {
                assert_eq!(body, br#"{"plaintext":"AQI=","associated_data":"Aw=="}"#);
                r#"{"ciphertext":"vault:v1:AA==","key_version":1}"#
            }
            "/v1/transit/decrypt/k" => {
                assert_eq!(
                    body,
                    br#"{"ciphertext":"vault:v1:AA==","associated_data":"Aw=="}"#
                );
                r#"{"plaintext":"AQI="}"#
            }
            "/v1/transit/rewrap/k" | "/v1/transit/translate/k/l" => {
                r#"{"ciphertext":"vault:v2:AA==","key_version":2}"#
            }
            "/v1/transit/datakey/plaintext/k" => {
                r#"{"ciphertext":"vault:v1:AA==","key_version":1,"plaintext":"AQI="}"#
            }
            "/v1/transit/datakey/wrapped/k" => r#"{"ciphertext":"vault:v1:AA==","key_version":1}"#,
            "/v1/transit/sign/k" => r#"{"signature":"vault:v1:BB==","key_version":1}"#,
            "/v1/transit/verify/k" => r#"{"valid":false}"#,
            "/v1/transit/hmac/k" => r#"{"hmac":"vault:v1:CC=="}"#,
            "/v1/transit/random" => r#"{"random_bytes":"AQI="}"#,
            "/v1/transit/keys/k" => return Response::builder().status(204).body(Full::default()).unwrap(),
            _ => return json(404, r#"{"errors":[]}"#),
        };
        json(200, enveloped(data))
    })
}

#[tokio::test]
async fn every_typed_call_on_one_connection() {
    let socket = honest();
    let client = socket.client();
    let none = Binding::default();
    let bound = Binding {
        associated_data: Some(&[3]),
        ..none
    };
    let ciphertext = client.encrypt("k", &[1, 2], &bound).await.unwrap();
    assert_eq!(ciphertext.as_str(), "vault:v1:AA==");
    assert_eq!(
        client.decrypt("k", &ciphertext, &bound).await.unwrap().as_slice(),
        [1, 2]
    );
    let newer = client.rewrap("k", &ciphertext, &none).await.unwrap();
    assert_eq!(newer.as_str(), "vault:v2:AA==");
    assert_eq!(
        client
            .translate(("k", &none), &ciphertext, ("l", &none))
            .await
            .unwrap(),
        newer
    );
    let data_key = client.data_key("k", DataKeyBits::B128, &none).await.unwrap();
    assert_eq!(
        (data_key.plaintext.as_slice(), &data_key.ciphertext),
        ([1, 2].as_slice(), &ciphertext)
    );
    assert_eq!(
        client
            .data_key_wrapped("k", DataKeyBits::B256, &none)
            .await
            .unwrap(),
        ciphertext
    );
    let signature = client
        .sign("k", b"m", None, SignOptions::default())
        .await
        .unwrap();
    assert_eq!(signature, "vault:v1:BB==");
    let proof = Proof::Signature(signature);
    assert!(
        !client
            .verify("k", b"m", proof, None, SignOptions::default())
            .await
            .unwrap()
    );
    assert_eq!(client.hmac("k", b"m", None).await.unwrap(), "vault:v1:CC==");
    assert_eq!(client.random(2).await.unwrap().as_slice(), [1, 2]);
    let results = client
        .encrypt_batch("k", &[(b"a", none), (b"b", none)])
        .await
        .unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &ciphertext);
    assert_eq!(
        results[1].as_ref().unwrap_err().text,
        "context provided for a key that is not derived"
    );
    let results = client.decrypt_batch("k", &[(&ciphertext, none)]).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap().as_slice(), [1, 2]);
    let deleted = client
        .call(&Call::DeleteKey(Name::parse("k").unwrap()))
        .await
        .unwrap();
    assert!(matches!((deleted.status, deleted.answer), (204, Answer::Nothing)));
    assert_eq!(socket.connections(), 1);
}

#[tokio::test]
async fn what_cannot_be_said_is_not_sent() {
    let socket = honest();
    let client = socket.client();
    let none = Binding::default();
    let error = client.encrypt("a/b", b"", &none).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::Name(_))), "{error:?}");
    let error = client.encrypt_batch("k", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::Body(_))), "{error:?}");
    assert_eq!(socket.connections(), 0);
}

#[tokio::test]
async fn refusals_are_typed() {
    for (status, body, kind, text) in [
        (
            400,
            r#"{"errors":["invalid ciphertext: no prefix"]}"#,
            RefusalKind::Invalid,
            "invalid ciphertext: no prefix",
        ),
        (
            403,
            r#"{"errors":["permission denied"]}"#,
            RefusalKind::Denied,
            "permission denied",
        ),
        (404, r#"{"errors":[]}"#, RefusalKind::NotFound, "not found"),
        (
            405,
            r#"{"errors":["unsupported operation"]}"#,
            RefusalKind::Method,
            "unsupported operation",
        ),
        (413, r#"{"errors":["x"]}"#, RefusalKind::Bounds, "x"),
        (
            429,
            r#"{"errors":["too many requests"]}"#,
            RefusalKind::Busy,
            "too many requests",
        ),
        (
            500,
            r#"{"errors":["key is damaged"]}"#,
            RefusalKind::Failed,
            "key is damaged",
        ),
        (
            503,
            r#"{"errors":["Vault is sealed"]}"#,
            RefusalKind::Sealed,
            "Vault is sealed",
        ),
    ] {
        let socket = Socket::serving(move |_, _| {
            let mut response = json(status, body);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("7"));
            response
        });
        let error = random(&socket.client()).await;
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status, refusal.kind()), (status, kind));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn a_wrong_content_type_or_a_coding() {
    let socket = Socket::serving(|_, _| {
        let mut response = json(200, enveloped(r#"{"random_bytes":"AQ=="}"#));
        let html = HeaderValue::from_static("text/html");
        response.headers_mut().insert(CONTENT_TYPE, html);
        response
    });
    assert_eq!(
        misbehaved(random(&socket.client()).await),
        Misbehaviour::ContentType
    );
    let socket = Socket::serving(|_, _| {
        let mut response = json(200, enveloped(r#"{"random_bytes":"AQ=="}"#));
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(CONTENT_ENCODING, gzip);
        response
    });
    assert_eq!(
        misbehaved(random(&socket.client()).await),
        Misbehaviour::ContentEncoding
    );
}

#[tokio::test]
async fn statuses_that_do_not_go_with_what_came() {
    let data = || enveloped(r#"{"random_bytes":"AQ=="}"#);
    for (status, body) in [
        (204, String::new()),
        (302, data()),
        (400, data()),
        (503, data()),
        (200, r#"{"errors":["x"]}"#.to_owned()),
    ] {
        let socket = Socket::serving(move |_, _| json(status, body.clone()));
        assert_eq!(
            misbehaved(random(&socket.client()).await),
            Misbehaviour::Status(status)
        );
    }
}

#[tokio::test]
async fn bodies_that_are_not_the_answer() {
    for (body, wrong) in [
        (r#"{"data":{"random_bytes":"AQ=="}"#.to_owned(), Wrong::Json),
        (r#"{"data":{},"data":{}}"#.to_owned(), Wrong::Twice),
        (enveloped("null"), Wrong::Missing("data")),
        (enveloped("{}"), Wrong::Missing("random_bytes")),
        (
            enveloped(r#"{"random_bytes":7}"#),
            Wrong::Type {
                field: "random_bytes",
                expected: "text",
            },
        ),
        (
            enveloped(r#"{"random_bytes":"AQI="}"#),
            Wrong::Type {
                field: "random_bytes",
                expected: "that many bytes in base64",
            },
        ),
    ] {
        let socket = Socket::serving(move |_, _| json(200, body.clone()));
        assert_eq!(
            misbehaved(random(&socket.client()).await),
            Misbehaviour::Body(wrong)
        );
    }
}

#[tokio::test]
async fn huge_bodies_announced_or_not() {
    let announced = Socket::raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n{",
        true,
    );
    let client = announced.client().with(|settings| settings.most_bytes = 10);
    assert_eq!(misbehaved(random(&client).await), Misbehaviour::TooLarge(10));
    let in_chunks = Socket::raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n8\r\n        \r\n",
        true,
    );
    let client = in_chunks.client().with(|settings| settings.most_bytes = 10);
    assert_eq!(misbehaved(random(&client).await), Misbehaviour::TooLarge(10));
}

#[tokio::test]
async fn cut_answers_and_no_http() {
    for cut in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-ty",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"data\":",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n",
    ] {
        let socket = Socket::raw(cut, false);
        let error = random(&socket.client()).await;
        assert!(matches!(error, Error::Broken), "{error:?}");
    }
    let socket = Socket::raw(b"SSH-2.0-OpenSSH_9.2\r\n", true);
    assert_eq!(misbehaved(random(&socket.client()).await), Misbehaviour::NotHttp);
}

#[tokio::test(start_paused = true)]
async fn slow_answers() {
    for slow in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{",
    ] {
        let socket = Socket::raw(slow, true);
        let error = random(&socket.client()).await;
        assert!(matches!(error, Error::TimedOut), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = random(&Client::unix(folder.path().join("keyd.sock"))).await;
    assert!(
        matches!(error, Error::Unreachable(io::ErrorKind::NotFound)),
        "{error:?}"
    );
    assert!(error.is_transient());
}

/// Answers one request on each connection, closes it without a word at the second, and counts the requests.
fn forgetful() -> (Socket, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (socket, listener) = Socket::new();
    let (requests, received) = tokio::sync::mpsc::unbounded_channel();
    let connections = socket.connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let requests = requests.clone();
            tokio::spawn(async move {
                let data = enveloped(r#"{"random_bytes":"AQ=="}"#);
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    data.len()
                );
                if let Some(request) = read_head(&mut stream).await {
                    let _ = requests.send(request);
                    let _ = stream.write_all((head + &data).as_bytes()).await;
                }
                if let Some(request) = read_head(&mut stream).await {
                    let _ = requests.send(request);
                }
            });
        }
    });
    (socket, received)
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_on_a_new_connection() {
    let (socket, _received) = forgetful();
    let client = socket.client();
    client.random(1).await.unwrap();
    client.random(1).await.unwrap();
    assert_eq!(socket.connections(), 2);
}

#[tokio::test]
async fn what_may_not_be_repeated_is_told() {
    let (socket, mut received) = forgetful();
    let client = socket.client();
    client.random(1).await.unwrap();
    let rotate = Call::RotateKey(Name::parse("k").unwrap());
    let error = client.call(&rotate).await.unwrap_err();
    assert!(matches!(error, Error::Broken), "{error:?}");
    assert_eq!(socket.connections(), 1);
    assert!(
        received
            .recv()
            .await
            .unwrap()
            .starts_with("POST /v1/transit/random ")
    );
    assert!(
        received
            .recv()
            .await
            .unwrap()
            .starts_with("POST /v1/transit/keys/k/rotate ")
    );
}

#[tokio::test]
async fn many_at_once_share_a_bounded_number_of_connections() {
    let socket = honest();
    let client = socket.client();
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.random(2).await.unwrap() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().as_slice(), [1, 2]);
    }
    assert!(socket.connections() <= 32, "{}", socket.connections());
}
