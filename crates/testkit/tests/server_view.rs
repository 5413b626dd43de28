//! What a live server sees of people who share, and that it sees nothing else (`docs/security/server-view.md`). Everything that goes over
//! the wire is matched against a list of what may; what is left over fails.
#![recursion_limit = "256"]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_agent_api::request::Role as Asked;
use crannog_core::identity::{NewAccount, create_account};
use crannog_core::journal::{
    Author, Content, EpochGrant, JournalKind, JournalState, Keys, Member, Payload, RekeyDraft, Role, Sources,
    seal_genesis, seal_rekey,
};
use crannog_proto::api::{
    AccountView, Append, AppendLink, Appended, Challenge, ChallengeRequest, DirectoryEntry, Inbox, Login,
    Page, Register, Registered, ServerInfo, Session, Stored,
};
use crannog_proto::chain::next_head;
use crannog_proto::padme::padme;
use crannog_proto::{
    AccountId, BlobId, DeviceId, Entry, EntryId, Hash, Header, JournalId, Kind, Place, Receipt, Signer,
    decode, encode, limits,
};
use crannog_seal::schedule::EpochSecrets;
use crannog_testkit::{Ask, Device, Exchange, Liar, PASSWORD, Route, Site, Told};
use data_encoding::{BASE64_NOPAD, HEXLOWER};

const NAME: &str = "canary-name-plover-52d7";
const FOLDER: &str = "canary-folder-snipe-18ab";
const DRIVE: &str = "canary-drive-knot-6f3e";
const CONTENT: &str = "canary-content-ruff-9c41-which-is-longer-than-a-few-bytes";

/// The plain length of a FLOE box: 74 bytes of header, 32 for each segment of at most 65,504.
fn opened(sealed: usize) -> u64 {
    let body = sealed.checked_sub(74).expect("a box has a header");
    (body - 32 * body.div_ceil(65_536).max(1)) as u64
}

/// The plain lengths that a `Signed` may have.
fn is_signed(plain: u64) -> bool {
    let coarse = plain > 65_536 || (plain >= 1_024 && plain.is_power_of_two());
    coarse && plain == padme(plain)
}

/// The frame of a rekey's body.
#[derive(BorshSerialize, BorshDeserialize)]
struct RekeyFrame {
    sealed: Vec<u8>,
    envelopes: Vec<([u8; 16], Vec<u8>)>,
    notice: Vec<u8>,
}

/// What was found that should not be there.
#[derive(Default)]
struct View {
    wrong: Vec<String>,
    /// Session to account name.
    sessions: HashMap<String, String>,
    /// Which accounts used which journal.
    used: BTreeMap<JournalId, BTreeSet<String>>,
    /// Which journals a read token was shown for.
    tokens: HashMap<String, BTreeSet<JournalId>>,
    /// Which journals a blob was put into.
    blobs: HashMap<BlobId, (JournalId, usize)>,
    entries: HashMap<EntryId, JournalId>,
    /// Whose sigchains an account asked for, by id.
    followed: BTreeMap<String, BTreeSet<AccountId>>,
    /// From whom, to whom, how large.
    drops: Vec<(String, AccountId, usize)>,
    rekeys: usize,
    names: BTreeSet<String>,
}

impl View {
    fn demand(&mut self, right: bool, ask: &Ask, what: impl std::fmt::Display) {
        if !right {
            self.wrong(ask, what);
        }
    }

    fn wrong(&mut self, ask: &Ask, what: impl std::fmt::Display) {
        self.wrong.push(format!("{} {}: {what}", ask.method, ask.path));
    }

    fn look(&mut self, exchange: &Exchange) {
        let (ask, told) = (&exchange.ask, &exchange.told);
        self.look_at_headers(ask);
        self.look_at_path(ask);
        self.look_at_body(ask, told);
        self.look_at_answer(ask, told);
    }

    /// Exactly these headers, in exactly these forms.
    fn look_at_headers(&mut self, ask: &Ask) {
        let mut wanted: BTreeSet<&str> = BTreeSet::from(["host"]);
        let mut may: BTreeSet<&str> = BTreeSet::new();
        let route = ask.route();
        if !matches!(
            route,
            Route::Server | Route::Register | Route::Challenge | Route::Login
        ) {
            wanted.insert("authorization");
        }
        if !ask.body.is_empty() {
            wanted.extend(["content-type", "content-length"]);
        }
        match route {
            Route::Entries(_) | Route::Get(..) => drop(wanted.insert("crannog-read")),
            Route::Append(_) => drop(may.insert("crannog-read")),
            Route::Put(..) => {
                wanted.insert("crannog-write");
                may.insert("crannog-body");
            }
            _ => {}
        }
        let there: BTreeSet<&str> = ask.headers.iter().map(|(name, _)| name.as_str()).collect();
        let surplus: Vec<_> = there
            .difference(&wanted)
            .filter(|name| !may.contains(**name))
            .collect();
        if !surplus.is_empty() || !wanted.is_subset(&there) || there.len() != ask.headers.len() {
            self.wrong(ask, format!("headers {there:?}"));
        }
        for (name, value) in &ask.headers {
            let hex = |text: &str, len: usize| text.len() == len && HEXLOWER.decode(text.as_bytes()).is_ok();
            let fine = match name.as_str() {
                "host" => value.ends_with(".invalid"),
                "content-type" => value == "application/octet-stream",
                "content-length" => value.parse() == Ok(ask.body.len()),
                "authorization" => value.strip_prefix("Bearer ").is_some_and(|token| hex(token, 64)),
                "crannog-read" => value.split(',').all(|token| hex(token, 64)),
                "crannog-write" => {
                    let (epoch, grant) = value.split_once(':').unwrap_or_default();
                    epoch.parse::<u64>().is_ok() && hex(grant, 128)
                }
                // The entry that follows names the blob as its body: nothing that the server does not learn anyway.
                "crannog-body" => value == "1",
                _ => false,
            };
            if !fine {
                self.wrong(ask, format!("header {name}: {value}"));
            }
        }
    }

    /// Exactly these paths.
    fn look_at_path(&mut self, ask: &Ask) {
        let number =
            |text: &str, name: &str| text.strip_prefix(name).is_some_and(|n| n.parse::<u64>().is_ok());
        let (path, query) = ask.path.split_once('?').unwrap_or((&ask.path, ""));
        let again = match ask.route() {
            Route::Server => "/v1/server".to_owned(),
            Route::Register => "/v1/accounts".to_owned(),
            Route::Challenge => "/v1/login/challenge".to_owned(),
            Route::Login => "/v1/login".to_owned(),
            Route::Account => "/v1/account".to_owned(),
            Route::Link => "/v1/account/links".to_owned(),
            Route::Directory => format!("/v1/directory/{}", path.rsplit('/').next().unwrap()),
            Route::DirectoryOf(account) => format!("/v1/directory/{account}"),
            Route::DropInto(account) => format!("/v1/inbox/{account}"),
            Route::Inbox => "/v1/inbox".to_owned(),
            Route::DropDone(id) => format!("/v1/inbox/{}", HEXLOWER.encode(&id)),
            Route::Create => "/v1/journals".to_owned(),
            Route::Entries(journal) | Route::Append(journal) => format!("/v1/journals/{journal}/entries"),
            Route::Put(journal, blob) | Route::Get(journal, blob) => {
                format!("/v1/journals/{journal}/blobs/{blob}")
            }
            Route::Bell | Route::Other => "nowhere".to_owned(),
        };
        let queried = match ask.route() {
            Route::Entries(_) => {
                let parts: Vec<&str> = query.split('&').collect();
                match parts.as_slice() {
                    [limit] => number(limit, "limit="),
                    [after, limit] => number(after, "after=") && number(limit, "limit="),
                    _ => false,
                }
            }
            _ => query.is_empty(),
        };
        let named = match ask.route() {
            Route::Directory => self.names.contains(path.rsplit('/').next().unwrap()),
            _ => true,
        };
        if path != again || !queried || !named {
            self.wrong(ask, "no such path");
        }
        let session = ask
            .headers
            .iter()
            .find(|(name, _)| name == "authorization")
            .map(|(_, value)| value.clone());
        let who = session.and_then(|session| self.sessions.get(&session).cloned());
        let tokens = ask.headers.iter().filter(|(name, _)| name == "crannog-read");
        let tokens: Vec<String> = tokens
            .flat_map(|(_, value)| value.split(','))
            .map(str::to_owned)
            .collect();
        let (Route::Entries(journal)
        | Route::Append(journal)
        | Route::Put(journal, _)
        | Route::Get(journal, _)) = ask.route()
        else {
            match (ask.route(), who) {
                (Route::DirectoryOf(account), Some(who)) => {
                    self.followed.entry(who).or_default().insert(account);
                }
                (Route::DropInto(account), Some(who)) => self.drops.push((who, account, ask.body.len())),
                _ => {}
            }
            return;
        };
        match who {
            Some(who) => drop(self.used.entry(journal).or_default().insert(who)),
            None => self.wrong(ask, "nobody's session"),
        }
        if !matches!(ask.route(), Route::Append(_)) {
            for token in tokens {
                self.tokens.entry(token).or_default().insert(journal);
            }
        }
    }

    /// Exactly these bodies, each field of one length or of a padded one.
    fn look_at_body(&mut self, ask: &Ask, told: &Told) {
        match ask.route() {
            Route::Register => {
                let Some(register) = self.decoded::<Register>(ask, &ask.body) else {
                    return;
                };
                self.names.insert(name_of(&register));
                self.look_at_entry(ask, None, &register.home);
            }
            Route::Challenge => drop(self.decoded::<ChallengeRequest>(ask, &ask.body)),
            Route::Login => {
                let Some(login) = self.decoded::<Login>(ask, &ask.body) else {
                    return;
                };
                if let (200, Ok(session)) = (told.status, decode::<Session>(&told.body)) {
                    let bearer = format!("Bearer {}", HEXLOWER.encode(&session.token));
                    self.sessions.insert(bearer, login.name);
                }
            }
            Route::Link => drop(self.decoded::<AppendLink>(ask, &ask.body)),
            Route::DropInto(_) => {
                let sized = limits::DROP_SIZES.contains(&ask.body.len());
                self.demand(sized, ask, format!("a drop of {} bytes", ask.body.len()));
            }
            Route::Create => {
                let Some(entry) = self.decoded::<Entry>(ask, &ask.body) else {
                    return;
                };
                self.look_at_entry(ask, None, &entry);
            }
            Route::Append(journal) => {
                let Some(append) = self.decoded::<Append>(ask, &ask.body) else {
                    return;
                };
                append
                    .entries
                    .iter()
                    .for_each(|entry| self.look_at_entry(ask, Some(journal), entry));
            }
            Route::Put(journal, blob) => {
                if BlobId::of(&ask.body) != blob {
                    self.wrong(ask, "not the blob that it is called");
                }
                let before = self.blobs.insert(blob, (journal, ask.body.len()));
                if before.is_some_and(|(before, _)| before != journal) {
                    self.wrong(ask, "a blob of another journal");
                }
            }
            _ if !ask.body.is_empty() => self.wrong(ask, "a body"),
            _ => {}
        }
    }

    fn look_at_entry(&mut self, ask: &Ask, journal: Option<JournalId>, entry: &Entry) {
        let Some(header) = self.decoded::<Header>(ask, &entry.header) else {
            return;
        };
        let place = journal.unwrap_or(JournalId::of_genesis(&entry.header));
        if journal.is_some_and(|journal| journal != header.journal) {
            self.wrong(ask, "an entry of another journal");
        }
        if self
            .entries
            .insert(header.entry, place)
            .is_some_and(|before| before != place)
        {
            self.wrong(ask, "one entry id in two journals");
        }
        // Blobs come and go together; together they have a padded length.
        let sizes: Option<Vec<u64>> = header
            .adds
            .iter()
            .map(|id| self.blobs.get(id).map(|(_, len)| opened(*len)))
            .collect();
        match sizes {
            Some(sizes) => {
                let total: u64 = sizes.iter().sum();
                if total != padme(total) {
                    self.wrong(ask, format!("blobs of {sizes:?} together"));
                }
            }
            None => self.wrong(ask, "adds what nobody put"),
        }
        if let Place::Blobs(ids) = &header.body.place {
            let sizes = ids
                .iter()
                .filter_map(|id| self.blobs.get(id))
                .map(|(_, len)| *len);
            if sizes.sum::<usize>() != header.body.len as usize {
                self.wrong(ask, "a body that nobody put");
            }
        }
        if let Kind::Rekey { .. } = header.kind {
            if header.body.place == Place::Inline {
                self.look_at_rekey(ask, &entry.body);
            }
        } else if !is_signed(opened(header.body.len as usize)) {
            self.wrong(
                ask,
                format!("a body of {} bytes", opened(header.body.len as usize)),
            );
        }
    }

    fn look_at_rekey(&mut self, ask: &Ask, body: &[u8]) {
        let Some(frame) = self.decoded::<RekeyFrame>(ask, body) else {
            return;
        };
        self.rekeys += 1;
        let tags: Vec<_> = frame.envelopes.iter().map(|(tag, _)| *tag).collect();
        let count = tags.len();
        if !(count == 0 || count.is_power_of_two()) || !tags.is_sorted() {
            self.wrong(ask, format!("{count} envelopes"));
        }
        if frame.envelopes.iter().any(|(_, wrapped)| wrapped.len() != 1_267) {
            self.wrong(ask, "an envelope of another length");
        }
        if !is_signed(opened(frame.sealed.len())) {
            self.wrong(ask, format!("a list of {} bytes", opened(frame.sealed.len())));
        }
        if opened(frame.notice.len()) != 256 {
            self.wrong(ask, format!("a notice of {} bytes", opened(frame.notice.len())));
        }
    }

    /// What the server says is not more than it was told.
    fn look_at_answer(&mut self, ask: &Ask, told: &Told) {
        if told.status != 200 {
            let code = String::from_utf8_lossy(&told.body);
            let fine = told.status == 204 && told.body.is_empty() || code.starts_with(r#"{"code":""#);
            if !fine {
                self.wrong(ask, format!("answered {} {code}", told.status));
            }
            return;
        }
        match ask.route() {
            Route::Server => drop(self.decoded::<ServerInfo>(ask, &told.body)),
            Route::Register => drop(self.decoded::<Registered>(ask, &told.body)),
            Route::Challenge => drop(self.decoded::<Challenge>(ask, &told.body)),
            Route::Login => drop(self.decoded::<Session>(ask, &told.body)),
            Route::Account => drop(self.decoded::<AccountView>(ask, &told.body)),
            Route::Directory | Route::DirectoryOf(_) => drop(self.decoded::<DirectoryEntry>(ask, &told.body)),
            Route::Inbox => drop(self.decoded::<Inbox>(ask, &told.body)),
            Route::Create => drop(self.decoded::<Receipt>(ask, &told.body)),
            Route::Entries(_) => drop(self.decoded::<Page>(ask, &told.body)),
            Route::Append(_) => drop(self.decoded::<Appended>(ask, &told.body)),
            Route::Get(_, blob) => {
                let asked = BlobId::of(&told.body) == blob;
                self.demand(asked, ask, "not the blob that was asked for");
            }
            _ if !told.body.is_empty() => self.wrong(ask, "an answer"),
            _ => {}
        }
    }

    /// The whole of it is one value, in its one encoding.
    fn decoded<T: BorshSerialize + BorshDeserialize>(&mut self, ask: &Ask, bytes: &[u8]) -> Option<T> {
        match decode::<T>(bytes) {
            Ok(value) if encode(&value) == bytes => Some(value),
            _ => {
                self.wrong(ask, "bytes of another form");
                None
            }
        }
    }
}

fn name_of(register: &Register) -> String {
    let link: crannog_proto::sigchain::Link = decode(&register.link.link).unwrap();
    match link.kind {
        crannog_proto::sigchain::LinkKind::Create { name, .. } => name,
        other => panic!("{other:?}"),
    }
}

/// A text as it is, in hex, in wide characters, backwards, in the inner part of its Base64.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let base64 = (0..3).filter_map(|pad| {
        let text = BASE64_NOPAD.encode(&[&[0; 2][..pad], bytes].concat());
        let inner = text.as_bytes().get(4..text.len().saturating_sub(4))?.to_vec();
        (inner.len() >= 12).then_some(inner)
    });
    let plain = [
        bytes.to_vec(),
        HEXLOWER.encode(bytes).into_bytes(),
        bytes.iter().rev().copied().collect(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    plain.into_iter().chain(base64).collect()
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == needle[0]) {
        if haystack[from + at..].starts_with(needle) {
            return true;
        }
        from += at + 1;
    }
    false
}

fn tree(folder: &Path, files: usize) {
    fs::create_dir_all(folder).unwrap();
    for at in 0..files {
        fs::write(folder.join(format!("{NAME}-{at:06}")), CONTENT).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sharing_shows_what_the_page_says_and_nothing_else() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let rung: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let record = Arc::clone(&rung);
    liar.toll(move |rung| {
        record.lock().unwrap().push(rung.bytes.to_vec());
        vec![rung.said()]
    });
    liar.pass_bell();
    let url = liar.url();
    let join = async |name: &str| Device::join(&url, &site.invite().1, name).await.unwrap();
    let ((alice, sheet), (bob, _), (carol, _)) =
        (join("alice").await, join("bobby").await, join("carol").await);

    alice.create_drive(DRIVE).await.unwrap();
    let at = |path: &str| format!("{DRIVE}:/{path}");
    alice.mkdir(&at(FOLDER)).await.unwrap();
    alice
        .put(&at(&format!("{FOLDER}/{NAME}")), CONTENT.repeat(2_000).as_bytes())
        .await
        .unwrap();
    alice
        .put(&at("large"), CONTENT.repeat(100_000).as_bytes())
        .await
        .unwrap();
    let words = alice.share(&at(""), "bobby", Asked::Writer).await.unwrap().words;
    alice.share(&at(""), "carol", Asked::Reader).await.unwrap();
    for device in [&bob, &carol] {
        device.sync().await.unwrap();
        device.accept(DRIVE, None).await.unwrap();
        assert_eq!(
            device.cat(&at("large")).await.unwrap(),
            CONTENT.repeat(100_000).as_bytes()
        );
    }
    bob.put(&at(&format!("{FOLDER}/{NAME}-of-bob")), CONTENT.as_bytes())
        .await
        .unwrap();
    let folder = alice.scratch.path().join("tree");
    tree(&folder, 400);
    alice.sync().await.unwrap();
    alice.put_tree(&folder, &at("tree")).await.unwrap();
    alice.set_role(&at(""), "bobby", Asked::Admin).await.unwrap();
    bob.sync().await.unwrap();
    carol.sync().await.unwrap();
    carol.cat(&at(&format!("tree/{NAME}-000007"))).await.unwrap();
    carol.leave(&at("")).await.unwrap();
    alice.sync().await.unwrap();
    alice.unshare(&at(""), &["bobby"]).await.unwrap();
    bob.sync().await.unwrap();
    alice
        .put(&at("after"), CONTENT.repeat(10).as_bytes())
        .await
        .unwrap();
    alice
        .request(crannog_agent_api::Request::DriveList)
        .await
        .0
        .unwrap();
    for device in [alice, bob, carol] {
        assert_eq!(device.status().await.alarms, []);
        device.close().await;
    }

    let heard = liar.heard();
    let mut view = View::default();
    heard.iter().for_each(|exchange| view.look(exchange));
    assert_eq!(view.wrong, [] as [String; 0]);
    assert!(
        heard.len() > 60 && view.rekeys >= 4 && view.drops.len() >= 3,
        "{} requests",
        heard.len()
    );

    // Who works with whom: the one journal that all three use; every other is one account's alone.
    let all: Vec<_> = view.used.values().filter(|people| people.len() == 3).collect();
    assert_eq!(all.len(), 1, "{:?}", view.used);
    assert!(
        view.used
            .values()
            .all(|people| people.len() == 1 || people.len() == 3)
    );
    assert!(view.used.len() >= 4);
    // Nothing that goes with a journal goes with another.
    assert!(view.tokens.values().all(|journals| journals.len() == 1));
    let sessions: BTreeSet<&String> = view.sessions.values().collect();
    assert_eq!(sessions.len(), 3);
    let ids: BTreeSet<&JournalId> = view.used.keys().collect();
    let accounts: BTreeSet<AccountId> = view.drops.iter().map(|(_, account, _)| *account).collect();
    assert!(ids.iter().all(|id| !accounts.contains(&AccountId(id.0))));
    // Who drops something into whose inbox. An invite to a writer, one to a reader and a leave have one size.
    let sizes: BTreeSet<usize> = view.drops.iter().map(|(_, _, size)| *size).collect();
    assert_eq!(sizes, BTreeSet::from([limits::DROP_SIZES[0]]));
    // Whose sigchains each of them follows: who is in the share, whether or not she ever used it.
    for (who, followed) in &view.followed {
        println!("{who} follows {} accounts", followed.len());
    }
    assert!(
        view.followed["carol"].len() >= 2,
        "carol asks for both others, by id"
    );

    let mut canaries: Vec<String> = [NAME, FOLDER, DRIVE, CONTENT, PASSWORD, "laptop"]
        .map(str::to_owned)
        .into();
    let pairs = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        words.windows(2).map(|pair| pair.join(" ")).collect::<Vec<_>>()
    };
    canaries.extend(pairs(&sheet.words));
    canaries.extend(pairs(&words));
    canaries.extend(["reader", "writer", "photos", "invite"].map(str::to_owned));
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for (at, Exchange { ask, told }) in heard.iter().enumerate() {
        let body = [ask.path.as_bytes(), b"\n", &ask.body].concat();
        places.push((format!("request {at}, {}", ask.path), body));
        places.push((format!("answer {at}, {}", ask.path), told.body.clone()));
    }
    let rung = std::mem::take(&mut *rung.lock().unwrap());
    assert!(rung.len() > 5);
    places.extend(
        rung.into_iter()
            .enumerate()
            .map(|(at, bytes)| (format!("ring {at}"), bytes)),
    );
    assert!(
        places.iter().any(|(_, bytes)| find(bytes, b"bobby")),
        "the search finds what is there"
    );
    for canary in &canaries {
        for form in forms(canary) {
            // Short words stand in random bytes by chance in their coded forms.
            if form.len() < 6 {
                continue;
            }
            for (place, bytes) in &places {
                assert!(!find(bytes, &form), "{canary:?} stands in {place}");
            }
        }
    }
    // The whitelist can fail.
    let mut crooked = heard
        .iter()
        .find(|exchange| matches!(exchange.ask.route(), Route::Append(_)))
        .unwrap()
        .clone();
    crooked
        .ask
        .headers
        .push(("user-agent".to_owned(), "crannog".to_owned()));
    crooked.ask.path.push_str("?by=alice");
    let before = view.wrong.len();
    view.look(&crooked);
    assert_eq!(view.wrong.len(), before + 3, "{:?}", view.wrong);
    site.assert_sound();
}

/// A drive of one member, ready to be rekeyed.
struct Drive {
    people: Vec<NewAccount>,
    state: JournalState,
}

impl Drive {
    fn of(most: usize) -> Self {
        let mut rng = rand::rng();
        let people: Vec<NewAccount> = (0..most)
            .map(|at| {
                create_account(
                    &format!("person-{at}"),
                    DeviceId(rand::random()),
                    "laptop",
                    1_000,
                    &mut rng,
                )
                .unwrap()
            })
            .collect();
        let first = &people[0];
        let author = Author {
            account: first.account,
            device: first.chain.devices[0].id,
        };
        let secrets = EpochSecrets::generate(&JournalId::ZERO.0, 0, &mut rng);
        let payload = Payload {
            time: 1_000,
            device_name: "laptop".to_owned(),
            cites: Vec::new(),
            content: Content::Genesis {
                kind: JournalKind::Drive,
                members: vec![member(first, Role::Admin)],
            },
        };
        let key = &first.device_keys.signing;
        let (journal, sealed) =
            seal_genesis(&secrets, &payload, author, key, EntryId(rand::random()), &mut rng).unwrap();
        let stored = Stored {
            seq: 0,
            head: next_head(&Hash::ZERO, 0, &sealed.entry.header),
            entry: sealed.entry,
            body_gone: false,
        };
        let mut state = JournalState::new(journal, JournalKind::Drive, first.account);
        let given = |_| Some(EpochGrant::for_role(&secrets, Role::Admin));
        let sources = Sources {
            head_at: &|_| None,
            entry_known: &|_| false,
            chain: &|account| (*account == first.account).then_some(&first.chain),
            keys: Keys {
                account: &first.secrets,
                given: &given,
            },
            floor: None,
        };
        let change = state.open(&stored, None, &sources).unwrap().1;
        state.commit(change).unwrap();
        Self { people, state }
    }

    /// The body of a rekey to a list of so many.
    fn rekey(&self, members: usize, role: Role) -> RekeyFrame {
        let first = &self.people[0];
        let author = Author {
            account: first.account,
            device: first.chain.devices[0].id,
        };
        let ground = self.state.ground(author, &first.device_keys.signing).unwrap();
        let others = self.people[1..members].iter().map(|person| member(person, role));
        let draft = RekeyDraft {
            entry: EntryId(rand::random()),
            signer: Signer::Admin,
            members: [member(first, Role::Admin)].into_iter().chain(others).collect(),
            secrets: None,
            time: 1_000,
            device_name: "laptop",
            cites: vec![first.chain.cite()],
        };
        let chains = |account: &AccountId| {
            let person = self.people.iter().find(|person| person.account == *account);
            person.map(|person| &person.chain)
        };
        let sealed = seal_rekey(&self.state, &ground, draft, &chains, &mut rand::rng())
            .unwrap()
            .sealed;
        let mut body = sealed.entry.body;
        sealed
            .body_blobs
            .iter()
            .for_each(|(_, bytes)| body.extend_from_slice(bytes));
        decode(&body).unwrap()
    }
}

fn member(person: &NewAccount, role: Role) -> Member {
    Member {
        account: person.account,
        role,
        chain: person.chain.cite(),
    }
}

/// Member counts are rounded up to a power of two: no length of a rekey says more, nor which roles there are.
#[test]
fn a_rekeys_lengths_tell_no_more_than_a_power_of_two() {
    let drive = Drive::of(40);
    let mut by_room: BTreeMap<usize, BTreeMap<(usize, usize), Vec<usize>>> = BTreeMap::new();
    for members in 1..=40 {
        let frame = drive.rekey(members, Role::Reader);
        let lengths = (frame.sealed.len(), frame.notice.len());
        assert_eq!(frame.envelopes.len(), members.next_power_of_two());
        let room = by_room.entry(frame.envelopes.len()).or_default();
        room.entry(lengths).or_default().push(members);
        if members == 3 {
            let admins = drive.rekey(members, Role::Admin);
            assert_eq!((admins.sealed.len(), admins.notice.len()), lengths, "roles");
        }
    }
    let told: Vec<_> = by_room.iter().filter(|(_, lengths)| lengths.len() > 1).collect();
    assert!(told.is_empty(), "envelopes, then (list, notice) bytes: {told:?}");
}

/// Envelopes for nobody fill the count up. One that can be told from a real one takes the rounding back: nothing in its bytes may.
///
/// The last 32 of the 1,120 bytes of an X-Wing encapsulation are an X25519 public key, whose highest bit is never set; the 1,088 before
/// are an ML-KEM-768 ciphertext, whose 10-bit coefficients fall on some values more often than on others.
#[test]
fn no_envelope_can_be_told_from_one_for_nobody() {
    let drive = Drive::of(33);
    let (mut real, mut all) = (0, Vec::new());
    for _ in 0..8 {
        let frame = drive.rekey(33, Role::Reader);
        real += 33;
        all.extend(frame.envelopes.into_iter().map(|(_, wrapped)| wrapped));
    }
    assert_eq!(all.len(), 8 * 64);
    let marked = all.iter().filter(|wrapped| wrapped[1_119] & 0x80 != 0).count();
    println!(
        "{real} real envelopes of {}; {marked} are no X25519 keys, so for nobody",
        all.len()
    );
    assert_eq!(
        marked,
        0,
        "of {} envelopes for nobody, {marked} show it in one bit",
        all.len() - real
    );
    // Values that four residues of 3,329 are rounded to, rather than three: 31 per cent in a ciphertext, 25 in noise.
    let often: Vec<bool> = {
        let mut hits = vec![0; 1_024];
        (0..3_329_u32).for_each(|x| hits[(((x << 10) + 1_664) / 3_329 % 1_024) as usize] += 1);
        hits.iter().map(|hits| *hits == 4).collect()
    };
    let share = |wrapped: &[u8]| {
        let ten = |at: usize| {
            let bit = at * 10;
            let wide = u32::from(wrapped[bit / 8]) | u32::from(wrapped[bit / 8 + 1]) << 8;
            (wide >> (bit % 8) & 0x3FF) as usize
        };
        (0..768).filter(|at| often[ten(*at)]).count() as f64 / 768.0
    };
    let noise = all.iter().filter(|wrapped| share(wrapped) < 0.265).count();
    assert!(
        noise < 10,
        "{noise} of {} envelopes look like noise, not like ML-KEM",
        all.len()
    );
}
