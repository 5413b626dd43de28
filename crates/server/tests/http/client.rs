//! A raw HTTP client over pinned TLS, one connection each.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use crannog_proto::api::{
    Append, AppendResult, Appended, Challenge, ChallengeRequest, Login, Page, Principal, Register, Session,
    login_statement, write_grant_statement,
};
use crannog_proto::{BlobId, Entry, JournalId, ServerUrl, decode, encode, labels};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fixtures::{Epoch, Journal, Key, Person, secrets};
use crate::openapi;

pub(crate) struct Client {
    send: SendRequest<Full<Bytes>>,
    pub(crate) url: ServerUrl,
    pub(crate) session: Option<[u8; 32]>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn code(&self) -> String {
        let error: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(
            crannog_proto::ErrorCode::ALL
                .iter()
                .filter(|code| code.as_str() == error["code"])
                .count(),
            1
        );
        let code: crannog_proto::ErrorCode = error["code"].as_str().unwrap().parse().unwrap();
        assert_eq!(self.status.as_u16(), code.status());
        code.as_str().to_owned()
    }

    pub(crate) fn read<T: borsh::BorshDeserialize>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        decode(&self.body).unwrap()
    }
}

pub(crate) fn tls(data: &Path, groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from(std::fs::read(data.join("ca.der")).unwrap()))
        .unwrap();
    let provider = rustls::crypto::CryptoProvider {
        kx_groups: groups,
        ..rustls::crypto::aws_lc_rs::default_provider()
    };
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

pub(crate) fn ours() -> Vec<&'static dyn rustls::crypto::SupportedKxGroup> {
    vec![rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768]
}

pub(crate) async fn stream(url: &ServerUrl, data: &Path) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(&url.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from(url.fingerprint.dns_name()).unwrap();
    tls(data, ours()).connect(name, tcp).await.unwrap()
}

impl Client {
    pub(crate) async fn connect(url: &ServerUrl, data: &Path) -> Self {
        let (send, connection) = handshake(TokioIo::new(stream(url, data).await)).await.unwrap();
        tokio::spawn(connection);
        Self {
            send,
            url: url.clone(),
            session: None,
        }
    }

    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let (body, asked) = (Bytes::from(body), method.clone());
        let mut request = Request::builder().method(method).uri(path).header("host", "x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(session) = self.session {
            request = request.header("authorization", format!("Bearer {}", hex(&session)));
        }
        self.send.ready().await.unwrap();
        let response = self
            .send
            .send_request(request.body(Full::from(body.clone())).unwrap())
            .await
            .unwrap();
        let (parts, answer) = response.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: answer.collect().await.unwrap().to_bytes(),
        };
        openapi::check(&asked, path, &body, &answer);
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], vec![]).await
    }

    pub(crate) async fn post<T: borsh::BorshSerialize>(&mut self, path: &str, body: &T) -> Answer {
        self.call(Method::POST, path, &[], encode(body)).await
    }

    pub(crate) async fn register(&mut self, person: &Person, invite: &str) -> Answer {
        let home = person.home.genesis.clone();
        let secrets = secrets(0, person.device_id);
        let request = Register {
            invite: invite.to_owned(),
            link: person.create.clone(),
            secrets,
            home,
        };
        self.post("/v1/accounts", &request).await
    }

    pub(crate) async fn challenge(&mut self, name: &str) -> [u8; 32] {
        self.post(
            "/v1/login/challenge",
            &ChallengeRequest {
                name: name.to_owned(),
            },
        )
        .await
        .read::<Challenge>()
        .challenge
    }

    pub(crate) async fn answer(
        &mut self,
        name: &str,
        principal: Principal,
        key: &Key,
        challenge: [u8; 32],
    ) -> Answer {
        let statement = login_statement(&self.url.fingerprint, &challenge, name);
        let signature = key.sign(labels::LOGIN, &statement);
        self.post(
            "/v1/login",
            &Login {
                name: name.to_owned(),
                principal,
                challenge,
                signature,
            },
        )
        .await
    }

    pub(crate) async fn login(&mut self, person: &Person) {
        self.session = None;
        let challenge = self.challenge(&person.name).await;
        let answer = self
            .answer(
                &person.name,
                Principal::Device(person.device_id),
                &person.device,
                challenge,
            )
            .await;
        self.session = Some(answer.read::<Session>().token);
    }

    pub(crate) async fn create(&mut self) -> Journal {
        let journal = Journal::new();
        let receipt: crannog_proto::Receipt = self.post("/v1/journals", &journal.genesis).await.read();
        assert_eq!((receipt.journal, receipt.head), (journal.id, journal.seen.head));
        journal
    }

    pub(crate) fn grant(&self, journal: JournalId, number: u64, epoch: &Epoch) -> String {
        let statement = write_grant_statement(&journal, number, &self.session.unwrap());
        format!(
            "{number}:{}",
            hex(&epoch.write.sign(labels::WRITE_GRANT, &statement).0)
        )
    }

    pub(crate) async fn put(&mut self, journal: &Journal, id: BlobId, bytes: Vec<u8>) -> Answer {
        let grant = self.grant(journal.id, journal.number, &journal.epoch);
        let path = format!("/v1/journals/{}/blobs/{id}", journal.id);
        self.call(Method::PUT, &path, &[("crannog-write", &grant)], bytes)
            .await
    }

    /// The same with a grant of this key; `body`: as a piece of an entry's body.
    pub(crate) async fn put_by(
        &mut self,
        journal: &Journal,
        key: &Key,
        bytes: Vec<u8>,
        body: bool,
    ) -> Answer {
        let number = journal.number;
        let statement = write_grant_statement(&journal.id, number, &self.session.unwrap());
        let signature = key.sign(labels::WRITE_GRANT, &statement);
        let grant = format!("{number}:{}", hex(&signature.0));
        let path = format!("/v1/journals/{}/blobs/{}", journal.id, BlobId::of(&bytes));
        let mut headers = vec![("crannog-write", grant.as_str())];
        headers.extend(body.then_some(("crannog-body", "1")));
        self.call(Method::PUT, &path, &headers, bytes).await
    }

    pub(crate) async fn put_ok(&mut self, journal: &Journal, bytes: Vec<u8>) -> BlobId {
        let id = BlobId::of(&bytes);
        assert_eq!(self.put(journal, id, bytes).await.status, StatusCode::NO_CONTENT);
        id
    }

    pub(crate) async fn blob(&mut self, journal: JournalId, id: BlobId, token: &[u8; 32]) -> Answer {
        let path = format!("/v1/journals/{journal}/blobs/{id}");
        self.call(Method::GET, &path, &[("crannog-read", &hex(token))], vec![])
            .await
    }

    pub(crate) async fn page(&mut self, journal: JournalId, query: &str, token: &[u8; 32]) -> Answer {
        let path = format!("/v1/journals/{journal}/entries{query}");
        self.call(Method::GET, &path, &[("crannog-read", &hex(token))], vec![])
            .await
    }

    pub(crate) async fn pages(&mut self, journal: &Journal, query: &str) -> Page {
        self.page(journal.id, query, &journal.epoch.token).await.read()
    }

    pub(crate) async fn append(&mut self, journal: JournalId, entries: &[Entry]) -> Vec<AppendResult> {
        self.append_raw(journal, entries).await.read::<Appended>().results
    }

    pub(crate) async fn append_raw(&mut self, journal: JournalId, entries: &[Entry]) -> Answer {
        self.post(
            &format!("/v1/journals/{journal}/entries"),
            &Append {
                entries: entries.to_vec(),
            },
        )
        .await
    }

    /// Appends one entry, which has to get its place.
    pub(crate) async fn done(&mut self, journal: &mut Journal, entry: &Entry) {
        let results = self.append(journal.id, std::slice::from_ref(entry)).await;
        journal.saw(entry);
        assert!(
            matches!(results.as_slice(), [AppendResult::Done(r)] if r.head == journal.seen.head),
            "{results:?}"
        );
    }
}

pub(crate) fn refused(results: &[AppendResult]) -> &str {
    match results.last() {
        Some(AppendResult::Refused { code }) => code,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
