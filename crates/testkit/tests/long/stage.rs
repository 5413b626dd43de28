//! A server and devices that go by a moved clock.

use std::path::Path;

use serde_json::Value;

use super::clock::Clock;
use crate::bin::{self, Device, Server};

/// Every job that a server does by itself each hour.
const JOBS: [&str; 7] = [
    "leases",
    "collection",
    "inbox",
    "sessions",
    "invites",
    "orphans",
    "certificate",
];

/// Starts the server; `grace` is how many days it keeps what was dropped.
pub(crate) fn serve(clock: &Clock, data: &Path, address: &str, grace: i64) -> Server {
    let mut command = clock.command(&bin::crannogd());
    command.env("CRANNOGD_GRACE_DAYS", grace.to_string());
    // A day of logins takes a second.
    command.env("CRANNOGD_LIMITS_LOGINS_PER_MINUTE", "1000000");
    Server::launch(command, data, address)
}

/// SIGKILL, and another one on the same directory and port.
pub(crate) fn kill_and_serve(server: &mut Server, clock: &Clock, grace: i64) {
    server.end();
    *server = serve(clock, &server.data, &server.address, grace);
}

/// A device in a folder of its own.
pub(crate) fn device(clock: &Clock, top: &Path, name: &str) -> Device {
    let mut device = Device::new(top, name);
    device.environment = clock.environment();
    device
}

/// What happens each hour anyway, without waiting for it.
pub(crate) fn jobs(server: &Server) {
    for job in JOBS {
        server.admin(&["jobs", "run", job]);
    }
}

/// Nothing is left of removals and uploads either, now that jobs have run.
#[track_caller]
pub(crate) fn fsck(server: &Server) -> u64 {
    let found: Value = server.admin(&["fsck", "--full"]);
    assert_eq!(found["problems"], serde_json::json!([]), "fsck: {found}");
    found["leftovers"].as_u64().unwrap()
}
