//! A real server on port 0 and a raw client: every error code, every rule of acceptance.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod accounts;
mod appends;
mod backup;
mod bell;
mod blobs;
mod client;
mod configure;
mod fixtures;
mod given_back;
mod inbox;
mod jobs;
mod journals;
mod metrics;
mod openapi;
mod operate;
mod storage;

use client::Client;
use crannog_server::{Config, RunningServer, Server};
use fixtures::Person;
use tempfile::TempDir;

/// A server with its data directory; [`TestServer::stop`] checks that it ends well.
struct TestServer {
    server: RunningServer,
    folder: TempDir,
}

impl TestServer {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    async fn start_in(folder: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(folder.path());
        config.listen = "127.0.0.1:0".to_owned();
        config.limits.logins_per_minute = 10_000;
        change(&mut config);
        Self {
            server: Server::start(config).await.unwrap(),
            folder,
        }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.server.url, self.folder.path()).await
    }

    async fn person(&self, name: &str) -> (Person, Client) {
        let invite = self.server.invite(1).await.unwrap().to_string();
        self.person_by(name, &invite).await
    }

    /// With so many bytes to store.
    async fn person_with_quota(&self, name: &str, quota: u64) -> (Person, Client) {
        let invite = self.server.invite_with_quota(1, quota).await.unwrap().to_string();
        self.person_by(name, &invite).await
    }

    async fn person_by(&self, name: &str, invite: &str) -> (Person, Client) {
        let (person, mut client) = (Person::new(name), self.client().await);
        client
            .register(&person, invite)
            .await
            .read::<crannog_proto::api::Registered>();
        client.login(&person).await;
        (person, client)
    }

    async fn stop(self) -> TempDir {
        self.server.shutdown().await;
        self.folder
    }
}
