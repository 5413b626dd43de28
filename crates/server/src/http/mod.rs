//! The API of `docs/spec/api.md`: [`router()`] has all routes, one file per resource has their work, and [`document()`]
//! describes them all.

mod access;
mod accounts;
mod app;
mod bell;
mod blobs;
mod body;
mod caller;
mod directory;
mod given_back;
mod healing;
mod inbox;
mod info;
mod journals;
mod leftover;
mod login;
mod observe;
mod openapi;
mod patient;
mod route;
mod router;
mod sessions;

pub(crate) use app::{App, Peer};
pub(crate) use leftover::Shared;
pub(crate) use openapi::document;
pub(crate) use patient::Patient;
pub(crate) use router::router;
