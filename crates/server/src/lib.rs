//! crannogd: the server that cannot read. It stores, orders and delivers what clients sealed; it holds no key to any of it.
//!
//! ```text
//!  TLS ─▶ http (router, one file per resource) ─▶ store (one transaction per method; SQLite)
//!                      │                      └─▶ blobs (files, synced in the background)
//!                      └─▶ bell (who wants to hear)      jobs · admin (Unix socket) · fsck · backup
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), crannog_server::StartError> {
//! let mut config = crannog_server::Config::new("/tmp/crannog");
//! config.listen = "127.0.0.1:0".to_owned();
//! let server = crannog_server::Server::start(config).await?;
//! let url = server.url.clone();
//! server.shutdown().await;
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod admin;
mod backup;
mod bell;
mod blobs;
mod ca;
pub mod cli;
mod clock;
mod config;
mod datadir;
mod error;
mod fsck;
mod http;
mod init;
mod jobs;
mod limiter;
mod metrics;
mod server;
mod storage;
mod store;

pub use ca::CaError;
pub use config::{Config, ConfigError, Limits, LogFormat};
pub use datadir::DataDirError;
pub use server::{RunningServer, Server, StartError};
pub use store::StoreError;
pub use store::sqlite::SchemaError;
