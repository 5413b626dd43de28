//! Stands in for the service where only its words matter: reads calls and writes answers as the service does, but decides nothing.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use crannog_keyd_client::{
    Answer, Call, Decrypted, Encrypted, ItemFault, Items, KeyNames, Limits, Mount, NewDataKey, Octets,
    Outcome, Outcomes, Received, Refusal, Reply, Verified,
};
use http::Method;
use tempfile::TempDir;

use crate::run::run;

type Answers = dyn Fn(Call) -> Result<Answer, Refusal> + Send + Sync;

/// A socket that answers; its thread ends with the test.
pub(crate) struct Service {
    folder: TempDir,
}

impl Service {
    pub(crate) fn new(answers: impl Fn(Call) -> Result<Answer, Refusal> + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("keyd.sock")).unwrap();
        let answers: Arc<Answers> = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let answers = answers.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &*answers));
            }
        });
        Self { folder }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("keyd.sock")
    }

    /// Runs the program against it.
    pub(crate) fn run(&self, words: &[&str]) -> crate::run::Ended {
        let socket = self.socket();
        let first = ["--json", "--socket", socket.to_str().unwrap()];
        run(first.iter().chain(words))
    }
}

fn serve(stream: UnixStream, answers: &Answers) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some((method, target, body)) = request(&mut reader) {
        let received = Received {
            method: &method,
            target: &target,
            body: &body,
        };
        let call = Call::read(&received, &Mount::default(), Limits::default());
        let (status, body) = match call.and_then(answers) {
            Ok(answer) => {
                let reply = Reply {
                    status: 200,
                    request_id: "1".to_owned(),
                    warnings: Vec::new(),
                    answer,
                };
                let body = reply.to_json().unwrap();
                (
                    if body.is_some() { 200 } else { 204 },
                    body.map(|body| body.to_vec()),
                )
            }
            Err(refusal) => (refusal.status, Some(refusal.to_json().unwrap().to_vec())),
        };
        let body = body.unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }
}

fn request(reader: &mut impl BufRead) -> Option<(Method, String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?.parse().ok()?, words.next()?);
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        if field.trim().is_empty() {
            break;
        }
        if let Some(value) = field.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, target, body))
}

/// Data keys of `shop` are all sevens; nothing else opens.
pub(crate) fn with_data_keys() -> Service {
    Service::new(|call| match call {
        Call::DataKeyPlaintext(..) => Ok(Answer::DataKey(NewDataKey {
            ciphertext: "vault:v1:c2hvcA==".into(),
            key_version: 1,
            plaintext: Some(Octets::copied(&[7; 32])),
        })),
        Call::Decrypt(key, crypt) => match crypt.items {
            Items::One(item) if key.as_str() == "shop" && item.ciphertext.as_str() == "vault:v1:c2hvcA==" => {
                Ok(Answer::Decrypted(Outcomes::One(Decrypted {
                    plaintext: Octets::copied(&[7; 32]),
                })))
            }
            _ => Err(Refusal::invalid("invalid ciphertext: unable to decrypt")),
        },
        _ => Err(Refusal::denied()),
    })
}

#[test]
fn refusals_reach_the_user_with_code_check_and_object() {
    for (refusal, why) in [
        (Refusal::denied(), (7, "denied", "")),
        (Refusal::sealed(), (6, "locked", "")),
        (Refusal::not_found(), (4, "not_found", "")),
        (Refusal::invalid("encryption key not found"), (4, "not_found", "")),
        (
            Refusal::invalid("invalid ciphertext: unable to decrypt"),
            (11, "verification_failed", "CHK-002"),
        ),
        (
            Refusal::invalid("missing 'context' for key derivation"),
            (2, "usage", "KEY-005"),
        ),
        (
            Refusal::failed("key is damaged"),
            (11, "verification_failed", "KEY-001"),
        ),
        (
            Refusal::too_many(std::time::Duration::from_secs(1)),
            (5, "try_again", ""),
        ),
    ] {
        let service = Service::new(move |_| Err(refusal.clone()));
        let ended = service.run(&["decrypt", "--key", "shop", "vault:v1:AAAA"]);
        let (code, word, check) = why;
        assert_eq!(ended.why(), (code, word.to_owned(), check.to_owned()));
        assert!(ended.error()["object"].is_string() && ended.text().is_empty());
    }
}

#[test]
fn what_cannot_be_undone_is_asked_before() {
    let service = Service::new(|call| match call {
        Call::DeleteKey(_) => Ok(Answer::Nothing),
        _ => Err(Refusal::denied()),
    });
    assert_eq!(service.run(&["keys", "delete", "shop"]).why().1, "usage");
    let ended = service.run(&["keys", "delete", "shop", "--yes"]);
    assert_eq!(
        (ended.code, ended.json()),
        (0, serde_json::json!({"key": "shop"}))
    );
}

#[test]
fn answers_are_the_data_with_the_key() {
    let service = Service::new(|call| match call {
        Call::Encrypt(_, _, crypt) => {
            let Items::One(item) = crypt.items else {
                return Err(Refusal::denied());
            };
            assert_eq!(item.plaintext.expose(), b"hello");
            Ok(Answer::Encrypted(Outcomes::One(Encrypted {
                ciphertext: "vault:v3:AAAA".into(),
                key_version: 3,
            })))
        }
        Call::ListKeys => Ok(Answer::Keys(KeyNames {
            keys: vec!["a".into(), "b".into()],
        })),
        Call::Verify(..) => Ok(Answer::Verified(Outcomes::One(Verified { valid: false }))),
        _ => Err(Refusal::not_found()),
    });
    let ended = service.run(&["encrypt", "--key", "shop", "hello"]);
    let expected = serde_json::json!({"key": "shop", "ciphertext": "vault:v3:AAAA", "key_version": 3});
    assert_eq!((ended.code, ended.json()), (0, expected));
    assert_eq!(
        service.run(&["keys", "list"]).json(),
        serde_json::json!({"keys": ["a", "b"]})
    );
    let ended = service.run(&[
        "verify",
        "--key",
        "shop",
        "--signature",
        "vault:v1:AAAA",
        "/dev/null",
    ]);
    assert_eq!(ended.json(), serde_json::json!({"valid": false}));
    assert_eq!(ended.why().0, 11);
}

/// A line that fails does not stop the others, and is told by its number.
#[test]
fn lines_fail_by_themselves() {
    let service = Service::new(|call| {
        let Call::Rewrap(_, crypt) = call else {
            return Err(Refusal::denied());
        };
        let Items::Batch(items) = crypt.items else {
            return Err(Refusal::denied());
        };
        let outcome = |item: crannog_keyd_client::Item<crannog_keyd_client::RewrapItem>| Outcome {
            reference: String::new(),
            result: match item.item.unwrap().ciphertext.as_str() {
                "bad" => Err(ItemFault {
                    text: "invalid ciphertext: no prefix".into(),
                    by_service: false,
                }),
                text => Ok(Encrypted {
                    ciphertext: format!("new {text}").into(),
                    key_version: 2,
                }),
            },
        };
        Ok(Answer::Encrypted(Outcomes::Batch(
            items.into_iter().map(outcome).collect(),
        )))
    });
    let socket = service.socket();
    let words = ["--socket", socket.to_str().unwrap(), "rewrap", "--key", "shop"];
    let ended = crate::run::run_with(words, b"one\nbad\nthree\n");
    assert_eq!((ended.code, ended.text().as_str()), (3, "new one\n\nnew three\n"));
    assert!(
        ended
            .err
            .contains("error: invalid ciphertext: no prefix: standard input, line 2\n"),
        "{}",
        ended.err
    );
}
