//! One route: who answers it, and what the specification says of it. Nothing is routed without a description, nothing described
//! without being routed.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post, put};
use crannog_proto::ErrorCode;

use super::App;
use super::openapi::Param;

/// A row of the table in `router.rs`.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Arc<App>>,
    /// Unique, for programs that are made from the document.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) session: Session,
    pub(super) params: &'static [Param],
    pub(super) request: Option<Request>,
    pub(super) answer: Answer,
    /// Beside the codes that session, parameters and body bring with them.
    pub(super) refusals: &'static [ErrorCode],
}

/// Whose session it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    None,
    /// A device's or a root's.
    Any,
    Device,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) bytes: Bytes,
    /// Most bytes; more are `too_large`.
    pub(super) most: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes {
    /// The name of a shape, or a shape.
    Borsh(&'static str),
    /// Not Borsh: what they are instead.
    Raw(&'static str),
}

/// What comes back when nothing is refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Bytes(Bytes),
    /// 204.
    Nothing,
    /// The connection becomes a WebSocket with binary messages of these shapes.
    Socket {
        client: &'static str,
        server: &'static str,
    },
}

impl Route {
    fn new(method: &'static str, path: &'static str, handler: MethodRouter<Arc<App>>) -> Self {
        Self {
            method,
            path,
            handler,
            id: "",
            summary: "",
            session: Session::None,
            params: &[],
            request: None,
            answer: Answer::Nothing,
            refusals: &[],
        }
    }

    pub(super) fn get<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new("get", path, get(handler))
    }

    pub(super) fn post<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new("post", path, post(handler))
    }

    pub(super) fn put<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new("put", path, put(handler))
    }

    pub(super) fn delete<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new("delete", path, delete(handler))
    }

    pub(super) fn named(self, id: &'static str, summary: &'static str) -> Self {
        Self { id, summary, ..self }
    }

    pub(super) fn by(self, session: Session) -> Self {
        Self { session, ..self }
    }

    pub(super) fn with(self, params: &'static [Param]) -> Self {
        Self { params, ..self }
    }

    pub(super) fn takes(self, bytes: Bytes, most: usize) -> Self {
        let request = Some(Request { bytes, most });
        Self { request, ..self }
    }

    pub(super) fn answers(self, bytes: Bytes) -> Self {
        let answer = Answer::Bytes(bytes);
        Self { answer, ..self }
    }

    pub(super) fn rings(self, client: &'static str, server: &'static str) -> Self {
        let answer = Answer::Socket { client, server };
        Self { answer, ..self }
    }

    pub(super) fn refuses(self, refusals: &'static [ErrorCode]) -> Self {
        Self { refusals, ..self }
    }
}
