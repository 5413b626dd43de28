//! The key service: a new store, twenty rules, the audit log on disk.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::Outcome;
use crate::case::{Case, To};
use crate::framing::Framing;
use crate::world::{Http, Running, World};

/// Items of a batch.
const BATCH: usize = 1_000;
/// Bytes of a plaintext, and of what is signed.
const PLAINTEXT: usize = 64;
/// Rules of the policy; the one in the middle decides.
const RULES: usize = 20;
/// The disk must hold what many millions of requests leave.
const CONFIG: &str = "[audit]\nwhen_full = \"drop-oldest\"\n";

/// It, running.
pub(crate) struct Service {
    world: World,
    running: Running,
}

impl Service {
    /// Starts it and makes keys.
    pub(crate) fn start() -> Outcome<Self> {
        let world = World::with_config(&policy(), CONFIG);
        let running = world.start();
        let service = Self { world, running };
        for kind in ["xaes256-gcm", "aes256-gcm96", "ed25519"] {
            service.ask(&format!("keys/shop-{kind}"), &json!({"type": kind}))?;
        }
        Ok(service)
    }

    /// Everything that is measured of it.
    pub(crate) fn cases(&self) -> Outcome<Vec<Case>> {
        let mut cases = Vec::new();
        for kind in ["xaes256-gcm", "aes256-gcm96"] {
            let (one, many) = (json!({"plaintext": random()}), batch("plaintext", random));
            let (sealed, all) = (
                self.ask(&format!("encrypt/shop-{kind}"), &one)?,
                self.ask(&format!("encrypt/shop-{kind}"), &many)?,
            );
            cases.extend(self.case("encrypt", kind, &one)?);
            let ciphertext = json!({"ciphertext": sealed["ciphertext"]});
            let opened = self.ask(&format!("decrypt/shop-{kind}"), &ciphertext)?;
            if opened != one {
                return Err("what was decrypted is not what was encrypted".into());
            }
            cases.extend(self.case("decrypt", kind, &ciphertext)?);
            cases.extend(self.case("encrypt", kind, &many)?);
            cases.extend(self.case("decrypt", kind, &again(&all)?)?);
        }
        let kind = "ed25519";
        cases.extend(self.case("sign", kind, &json!({"input": random()}))?);
        cases.extend(self.case("sign", kind, &batch("input", random))?);
        Ok(cases)
    }

    fn case(&self, verb: &str, kind: &str, body: &Value) -> Outcome<Vec<Case>> {
        let to = To {
            who: "crannog-keyd",
            server: self.running.child.id(),
            socket: &self.world.socket(),
            framing: Framing::Http,
        };
        let operations = body["batch_input"].as_array().map_or(1, Vec::len);
        let what = match operations {
            1 => format!("{verb} {kind}"),
            many => format!("{verb} {kind} x {many}"),
        };
        let path = format!("/v1/transit/{verb}/shop-{kind}");
        to.cases(&what, operations, &post(&path, body.to_string().as_bytes()))
    }

    fn ask(&self, path: &str, body: &Value) -> Outcome<Value> {
        let answer = Http::new(&self.world.socket()).post(&format!("transit/{path}"), body);
        match answer.status {
            200 => Ok(answer.data().clone()),
            _ => Err(format!("{path}: {answer:?}").into()),
        }
    }
}

/// As a client of the interface sends it.
pub(crate) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn random() -> String {
    BASE64.encode(&rand::random::<[u8; PLAINTEXT]>())
}

fn batch(field: &str, value: impl Fn() -> String) -> Value {
    let items: Vec<Value> = (0..BATCH).map(|_| json!({field: value()})).collect();
    json!({"batch_input": items})
}

/// What a batch gave, to be decrypted.
fn again(data: &Value) -> Outcome<Value> {
    let results = data["batch_results"].as_array().ok_or("no batch")?;
    let items: Vec<Value> = results
        .iter()
        .map(|item| json!({"ciphertext": item["ciphertext"]}))
        .collect();
    Ok(json!({"batch_input": items}))
}

/// Rules as a host with a dozen applications has them.
fn policy() -> String {
    let mut text = String::from("format = 1\n");
    for number in 0..RULES {
        let (subjects, keys) = if number == RULES / 2 {
            (r#""user:root""#.to_owned(), "\"shop-*\", \"session\"".to_owned())
        } else {
            (
                format!("\"uid:{}\", \"gid:{}\"", 60_000 + number, 61_000 + number),
                format!("\"app-{number}-*\", \"shared-*\""),
            )
        };
        text.push_str(&format!(
            "[[rule]]\nname = \"application {number}\"\nsubjects = [{subjects}]\nkeys = [{keys}]\nallow = [\"use\", \"manage\"]\n"
        ));
    }
    text
}
