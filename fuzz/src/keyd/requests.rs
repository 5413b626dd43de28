//! What comes over sockets: a client's request, and the hello of the TLS process.

use crannog_keyd::identity::ProxyHello;
use crannog_keyd_client::{Call, Limits, Mount, Received};
use http::Method;

const LIMITS: Limits = Limits { batch: 16 };

/// `METHOD TARGET`, a line feed, the body.
pub fn request(data: &[u8]) -> bool {
    let Some((line, body)) = super::first_line(data) else {
        return false;
    };
    let Some((method, target)) = line.split_once(' ') else {
        return false;
    };
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return false;
    };
    let mounts = [Mount::default(), Mount::parse("team-1/keys").expect("a mount")];
    let mut taken = false;
    for mount in &mounts {
        match read(&method, target, body, mount) {
            Ok(call) => {
                there_and_back(&call, mount);
                taken = true;
            }
            Err(refusal) => {
                assert!((400..500).contains(&refusal.status), "{refusal:?}");
                refusal.to_json().expect("a refusal is JSON");
            }
        }
    }
    taken
}

fn read(
    method: &Method,
    target: &str,
    body: &[u8],
    mount: &Mount,
) -> Result<Call, crannog_keyd_client::Refusal> {
    Call::read(&Received { method, target, body }, mount, LIMITS)
}

/// What is written is read as the same call, but that an item which was none is told to be so for another reason.
fn there_and_back(call: &Call, mount: &Mount) {
    let shown = format!("{call:?}");
    let Ok(sent) = call.write(mount) else { return };
    let again = read(&sent.method, &sent.target, &sent.body, mount).expect("what was written");
    if !shown.contains("item: Err(") {
        assert_eq!(format!("{again:?}"), shown);
    }
    assert_eq!(again.is_repeatable(), call.is_repeatable());
    assert_eq!(again.has_answer(), call.has_answer());
    assert_eq!(again.batch_len(), call.batch_len());
    let twice = again.write(mount).expect("what was written once");
    assert_eq!((twice.method, twice.target), (sent.method, sent.target));
    assert_eq!(twice.body, sent.body);
}

pub fn hello(data: &[u8]) -> bool {
    let Ok(bytes) = data.try_into() else { return false };
    let Ok(hello) = ProxyHello::parse(bytes) else {
        return false;
    };
    assert_eq!(hello.to_bytes(), data, "a hello with two encodings");
    true
}
