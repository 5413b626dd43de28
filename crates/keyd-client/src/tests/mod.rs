mod answers;
mod bounds;
mod client;
mod lenient;
mod refusals;
mod requests;
mod service;
#[cfg(feature = "tls")]
mod tls;

use http::Method;

use crate::{Call, Limits, Mount, Received, Refusal};

/// Reads a request as the service does.
fn read(method: &str, target: &str, body: &str) -> Result<Call, Refusal> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let received = Received {
        method: &method,
        target,
        body: body.as_bytes(),
    };
    Call::read(&received, &Mount::default(), Limits { batch: 3 })
}

/// What the service says to it when it refuses.
fn refused(method: &str, target: &str, body: &str) -> (u16, String) {
    let refusal = read(method, target, body).unwrap_err();
    (refusal.status, refusal.errors.join("; "))
}

/// A request as the client writes it.
fn written(call: &Call) -> (String, String, String) {
    let sent = call.write(&Mount::default()).unwrap();
    (
        sent.method.to_string(),
        sent.target,
        String::from_utf8(sent.body.to_vec()).unwrap(),
    )
}
