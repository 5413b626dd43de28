//! Against a server in memory that says whatever a test wants, over real TLS.

mod accounts;
mod bell;
mod blobs;
mod ca;
mod endpoint;
mod http1;
mod inbox;
mod journals;
mod lines;
mod proof;
mod sessions;
mod world;
