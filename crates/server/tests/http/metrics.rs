//! The metrics page, and the log with and without addresses.

use std::net::SocketAddr;
use std::process::Stdio;

use crannog_proto::{Kind, ServerUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::TestServer;
use crate::client::Client;
use crate::fixtures::noise;
use crate::operate::{Daemon, crannogd, json};

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_page_counts_and_names_nobody() {
    let server =
        TestServer::start_with(|config| config.metrics_listen = Some("127.0.0.1:0".to_owned())).await;
    let address = server.server.metrics_addr.unwrap();
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let id = client.put_ok(&journal, noise(700_000)).await;
    let add = journal.entry(Kind::Change, &[id], &[]);
    client.done(&mut journal, &add).await;
    client.get(&format!("/v1/nothing/{}", journal.id)).await;
    let page = get(address, "/metrics").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("text/plain; version=0.0.4"));
    let value = |start: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("{start} is not in {page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let exactly =
        |start: &str, expected: f64| assert!((value(start) - expected).abs() < 0.5, "{start}\n{page}");
    exactly(
        "crannogd_requests_total{method=\"PUT\",route=\"/v1/journals/{journal}/blobs/{blob}\",status=\"204\"}",
        1.0,
    );
    exactly(
        "crannogd_requests_total{method=\"GET\",route=\"none\",status=\"404\"}",
        1.0,
    );
    exactly("crannogd_request_seconds_count{route=\"/v1/journals\"}", 1.0);
    exactly("crannogd_connections ", 1.0);
    exactly("crannogd_accounts ", 1.0);
    exactly("crannogd_blob_bytes ", 700_000.0);
    assert!(value("crannogd_received_bytes_total ") > 700_000.0);
    assert!(
        value("crannogd_sync_seconds_count ") >= 2.0,
        "the file and its folder"
    );
    assert!(value("crannogd_commit_seconds_count ") >= 4.0);
    for secret in ["alice".to_owned(), journal.id.to_string(), id.to_string()] {
        assert!(!page.contains(&secret), "{secret}");
    }
    assert!(get(address, "/").await.starts_with("HTTP/1.1 404"));
    server.stop().await;
}

#[tokio::test]
async fn addresses_are_logged_only_when_asked_for() {
    for wanted in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let config =
            format!("log_format = \"json\"\nlog_addresses = {wanted}\nmetrics_listen = \"127.0.0.1:0\"\n");
        let mut daemon = Daemon::start_logged(&data, &config, Stdio::piped());
        let health = json(&crannogd(&data, &["health", "--json"]));
        let url: ServerUrl = health["server"].as_str().unwrap().parse().unwrap();
        let mut client = Client::connect(&url, &data).await;
        assert_eq!(client.get("/v1/account").await.code(), "unauthorized");
        let log = daemon.log();
        let mut refused = 0;
        for line in log.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            if event["message"] == "a request was refused" {
                assert_eq!(
                    (&event["address"], &event["http.route"]),
                    (&"127.0.0.1".into(), &"/v1/account".into())
                );
                refused += 1;
            }
        }
        assert_eq!(refused, usize::from(wanted), "{log}");
        assert!(log.contains("metrics can be read"));
    }
}
