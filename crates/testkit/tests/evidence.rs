//! Files of evidence: whom they convict in the eyes of somebody who believes nobody, and that nobody else is ever convicted
//! (`docs/spec/membership.md`, Evidence).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crannog_agent_api::answer::AuditInfo;
use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Code, Failure};
use crannog_client::Engine;
use crannog_client::transport::GrantKey;
use crannog_core::drive::{Attrs, DriveBatch, DriveOp, NewNode, NodeId};
use crannog_core::evidence::{Branch as Past, Case, Evidence, ServerProof};
use crannog_core::journal::Content;
use crannog_proto::api::Page;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{Hash, JournalId, Receipt, Seen, encode, labels};
use crannog_seal::schedule::EpochSecrets;
use crannog_testkit::{Branch, Device, Insider, Liar, NOW, Pair, Route, ServerKeys, Site};

/// Somebody without an account looks at a file.
async fn audit(file: &Path) -> Result<AuditInfo, Failure> {
    match Engine::audit(file.to_owned()).await? {
        Answer::Audit(audit) => Ok(audit),
        other => panic!("{other:?}"),
    }
}

/// The same for a file with these contents.
async fn audit_text(text: &str) -> Result<AuditInfo, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, text).unwrap();
    audit(&file).await
}

async fn convicts(evidence: &Evidence) -> String {
    audit_text(&evidence.to_text().unwrap()).await.unwrap().convicts
}

fn files(device: &Device) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(device.profile.join("evidence")) else {
        return Vec::new();
    };
    folder.map(|file| file.unwrap().path()).collect()
}

/// The only one.
fn file(device: &Device) -> (PathBuf, Evidence) {
    let files = files(device);
    let [file] = files.as_slice() else {
        panic!("one file of evidence, not {files:?}")
    };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    let evidence = Evidence::from_text(&fs::read_to_string(file).unwrap()).unwrap();
    (file.clone(), evidence)
}

async fn alarm(device: &Device) -> Option<String> {
    if let Err(failure) = device.sync().await {
        println!("sync: {failure:?}");
    }
    let alarm = device.status().await.alarms.pop()?;
    assert_eq!(alarm.code, Code::VerificationFailed);
    alarm.check
}

/// Everything in the file matters but when it was found and why: with any other bit turned, this server is convicted of nothing.
async fn assert_brittle(evidence: &Evidence, fingerprint: &str) {
    let bytes = encode(evidence);
    for at in (0..bytes.len()).filter(|at| !(1..11).contains(at)) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        let text = format!("crannog evidence 1\n{}\n", data_encoding::BASE64.encode(&bytes));
        match audit_text(&text).await {
            Ok(audit) => assert!(
                audit.convicts == "nobody" || audit.who.as_deref() != Some(fingerprint),
                "byte {at}: {audit:?}"
            ),
            Err(failure) => assert_eq!(failure.code, Code::Usage, "byte {at}"),
        }
    }
    assert_eq!(convicts(evidence).await, "server");
}

async fn assert_server(device: &Device, site: &Site, check: &str) {
    let (path, evidence) = file(device);
    let fingerprint = ServerKeys::of(&site.data).fingerprint.to_string();
    let verdict = audit(&path).await.unwrap();
    assert_eq!(
        (
            verdict.convicts.as_str(),
            verdict.who.as_deref(),
            verdict.check.as_str()
        ),
        ("server", Some(fingerprint.as_str()), check),
        "{verdict:?}"
    );
    assert_eq!(verdict.journal, evidence.journal.to_string());
    assert_brittle(&evidence, &fingerprint).await;
    // The parts by name.
    let Case::Fork { ours, theirs } = &evidence.case else {
        panic!("{:?}", evidence.case)
    };
    let altered = |change: &dyn Fn(&mut Past, &mut Past, &mut ServerProof)| {
        let mut evidence = evidence.clone();
        let Case::Fork { ours, theirs } = &mut evidence.case else {
            unreachable!()
        };
        change(ours, theirs, &mut evidence.server);
        evidence
    };
    let mut all = vec![
        altered(&|ours, _, _| ours.receipt.signature.0[9] ^= 1),
        altered(&|_, theirs, _| theirs.receipt.signature.0[9] ^= 1),
        altered(&|ours, _, _| ours.receipt.head.0[9] ^= 1),
        altered(&|_, theirs, _| theirs.from.head.0[9] ^= 1),
        altered(&|ours, _, _| ours.from.head.0[9] ^= 1),
        altered(&|_, _, server| server.receipt_key_signature.0[9] ^= 1),
        // The same past twice is none.
        altered(&|ours, theirs, _| *theirs = ours.clone()),
        altered(&|ours, theirs, _| *ours = theirs.clone()),
    ];
    for at in 0..ours.headers.len() {
        all.push(altered(&|ours, _, _| ours.headers[at].0[9] ^= 1));
    }
    assert_ne!(ours.from.head, theirs.from.head);
    for evidence in all {
        assert_eq!(convicts(&evidence).await, "nobody", "{evidence:?}");
    }
}

/// Heads meet in a note: two receipts by one key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forking_server_is_convicted_by_a_note() {
    let pair = Pair::new().await;
    let (tip, data) = (pair.tip().await, &pair.site.data);
    let _his = Branch::begin(&pair.to_bob, data, pair.photos, tip);
    for name in ["one", "two", "three"] {
        pair.alice
            .put(&format!("photos:/{name}"), b"alice")
            .await
            .unwrap();
    }
    pair.bob.put("photos:/bob", b"bob").await.unwrap();
    assert!(files(&pair.alice).is_empty());
    pair.bob.leave("photos:/").await.unwrap();
    assert_eq!(alarm(&pair.alice).await.as_deref(), Some("CHK-013"));
    assert_server(&pair.alice, &pair.site, "CHK-013").await;
    assert!(files(&pair.bob).is_empty());
}

/// The server contradicts its own receipt of the last place; and the very page that brings an entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_contradicts_itself_is_convicted() {
    let pair = Pair::new().await;
    let (tip, photos) = (pair.tip().await, pair.photos);
    let keys = ServerKeys::of(&pair.site.data);
    let lie = keys.receipt(photos, tip.0, Hash([9; 32]));
    pair.to_alice.tell(move |ask, told| {
        if ask.route() == Route::Entries(photos) {
            told.edit(|page: &mut Page| page.last = lie);
        }
    });
    assert_eq!(alarm(&pair.alice).await.as_deref(), Some("CHK-011"));
    assert_server(&pair.alice, &pair.site, "CHK-011").await;

    // The page that brings an entry ends in a receipt for another head at that entry's place.
    let pair = Pair::new().await;
    let (tip, photos) = (pair.tip().await, pair.photos);
    pair.bob.put("photos:/bob", b"bob").await.unwrap();
    let lie = ServerKeys::of(&pair.site.data).receipt(photos, tip.0 + 1, Hash([9; 32]));
    pair.to_alice.tell(move |ask, told| {
        if ask.route() == Route::Entries(photos) {
            told.edit(|page: &mut Page| {
                if !page.entries.is_empty() {
                    page.last = lie;
                }
            });
        }
    });
    // Nothing of such a page is used. It shows one signed past, so that nothing can be proved yet.
    let failure = pair.alice.sync().await.unwrap_err();
    assert_eq!(failure.check.as_deref(), Some("CHK-011"), "{failure:?}");
    assert!(files(&pair.alice).is_empty());
}

/// Receipts for places far ahead, which no entry ever fills, neither push out those that prove a fork nor keep heads out of notes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_from_nowhere_push_out_nothing() {
    let pair = Pair::new().await;
    let photos = pair.photos;
    let far = ServerKeys::of(&pair.site.data).receipt(photos, 1 << 40, Hash([9; 32]));
    pair.bob.put("photos:/bob", b"bob").await.unwrap();
    pair.to_alice.tell(move |ask, told| {
        if ask.route() == Route::Entries(photos) {
            told.edit(|page: &mut Page| {
                if !page.entries.is_empty() {
                    page.last = far;
                }
            });
        }
    });
    // What it promised there, it does not show.
    assert_eq!(alarm(&pair.alice).await.as_deref(), Some("CHK-012"));
    pair.to_alice.repent();
    pair.alice.dismiss("photos").await.unwrap();
    assert_eq!(alarm(&pair.alice).await, None);
    pair.bob.sync().await.unwrap();

    let _branches = pair.part().await;
    pair.alice.put("photos:/alice", b"alice").await.unwrap();
    for name in ["one", "two"] {
        pair.bob.put(&format!("photos:/{name}"), b"bob").await.unwrap();
    }
    pair.alice.create_drive("more").await.unwrap();
    pair.alice.share("more:/", "bob", Role::Reader).await.unwrap();
    assert_eq!(alarm(&pair.bob).await.as_deref(), Some("CHK-013"));
    assert_eq!(audit(&file(&pair.bob).0).await.unwrap().convicts, "server");
}

/// What honest servers sign, however it is put together, convicts nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_history_convicts_nobody() {
    let pair = Pair::new().await;
    pair.to_alice.heard();
    for name in ["one", "two", "three"] {
        pair.bob.put(&format!("photos:/{name}"), b"bob").await.unwrap();
        pair.alice.sync().await.unwrap();
    }
    let mut pages: Vec<Page> = Vec::new();
    for exchange in pair.to_alice.heard() {
        if exchange.ask.route() == Route::Entries(pair.photos) {
            pages.push(exchange.told.decode());
        }
    }
    let keys = ServerKeys::of(&pair.site.data);
    let receipt_key = keys.receipt_key();
    let server = ServerProof {
        ca: fs::read(pair.site.data.join("ca.der")).unwrap(),
        receipt_key,
        receipt_key_signature: keys.certify_receipt_key(&receipt_key),
    };
    let receipts: Vec<Receipt> = pages.iter().map(|page| page.last).collect();
    let entries: Vec<_> = pages.iter().flat_map(|page| page.entries.clone()).collect();
    assert!(receipts.len() >= 3 && entries.len() >= 3);
    let branches = receipts.iter().flat_map(|receipt| {
        (0..=receipt.seq).filter_map(|from| {
            let between = entries
                .iter()
                .filter(|stored| stored.seq > from && stored.seq <= receipt.seq);
            let headers: Vec<Hash> = between
                .map(|stored| Hash::of(labels::HEADER, &stored.entry.header))
                .collect();
            let head = receipts
                .iter()
                .map(|receipt| (receipt.seq, receipt.head))
                .chain(entries.iter().map(|stored| (stored.seq, stored.head)))
                .find(|(seq, _)| *seq == from)?
                .1;
            (headers.len() as u64 == receipt.seq - from).then_some(Past {
                from: Seen { seq: from, head },
                headers,
                receipt: *receipt,
            })
        })
    });
    let branches: Vec<Past> = branches.collect();
    let mut agreed = 0;
    for ours in &branches {
        for theirs in &branches {
            let case = Case::Fork {
                ours: ours.clone(),
                theirs: theirs.clone(),
            };
            let evidence = evidence(pair.photos, &server, case);
            let verdict = audit_text(&evidence.to_text().unwrap()).await.unwrap();
            assert_eq!((verdict.convicts.as_str(), verdict.who), ("nobody", None));
            agreed += u32::from(verdict.findings.iter().any(|line| line.contains("agree")));
        }
    }
    assert!(agreed > 3);
    assert_eq!(
        convicts(&evidence(pair.photos, &server, Case::Nothing)).await,
        "nobody"
    );
    assert!(files(&pair.alice).is_empty() && files(&pair.bob).is_empty());
    // Two receipts of somebody else's key under this server's name.
    let forged = ServerKeys::impostor(keys.fingerprint);
    let past = |keys: &ServerKeys, head: u8| Past {
        from: Seen {
            seq: 1,
            head: Hash([head; 32]),
        },
        headers: Vec::new(),
        receipt: keys.receipt(pair.photos, 1, Hash([head; 32])),
    };
    let fork = |keys: &ServerKeys| Case::Fork {
        ours: past(keys, 1),
        theirs: past(keys, 2),
    };
    assert_eq!(
        convicts(&evidence(pair.photos, &server, fork(&forged))).await,
        "nobody"
    );
    let claimed = ServerProof {
        receipt_key: forged.receipt_key(),
        receipt_key_signature: forged.certify_receipt_key(&forged.receipt_key()),
        ..server.clone()
    };
    assert_eq!(
        convicts(&evidence(pair.photos, &claimed, fork(&forged))).await,
        "nobody"
    );
    assert_eq!(
        convicts(&evidence(pair.photos, &server, fork(&keys))).await,
        "server",
        "the twin"
    );
}

fn evidence(journal: JournalId, server: &ServerProof, case: Case) -> Evidence {
    Evidence {
        version: 1,
        found: 0,
        check: 13,
        journal,
        server: server.clone(),
        case,
    }
}

#[tokio::test]
async fn what_is_no_evidence_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut random = vec![0; 5_000];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut random);
    let long = vec![b'A'; 17 << 20];
    let titled = |rest: &str| format!("crannog evidence 1\n{rest}\n").into_bytes();
    let letters = titled(&data_encoding::BASE64.encode(&random));
    let other_version = titled(&data_encoding::BASE64.encode(&[2; 400]));
    let all = [
        random,
        long,
        Vec::new(),
        b"crannog evidence 2\nAQ==\n".to_vec(),
        titled("not base64!"),
        titled(""),
        letters,
        other_version,
    ];
    for bytes in all {
        fs::write(&file, &bytes).unwrap();
        let failure = audit(&file).await.unwrap_err();
        assert_eq!(failure.code, Code::Usage, "{failure:?}");
        assert_eq!(failure.object.as_deref(), file.to_str());
    }
    let failure = audit(&folder.path().join("nothing")).await.unwrap_err();
    assert_ne!(failure.code, Code::Internal, "{failure:?}");
}

/// A full folder takes no more, and the alarm stands all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_64_files() {
    let pair = Pair::new().await;
    let (tip, photos) = (pair.tip().await, pair.photos);
    let keys = ServerKeys::of(&pair.site.data);
    let folder = pair.alice.profile.join("evidence");
    fs::create_dir(&folder).unwrap();
    for at in 0..63 {
        fs::write(folder.join(at.to_string()), "").unwrap();
    }
    for round in 0..3u8 {
        let lie = keys.receipt(photos, tip.0, Hash([round; 32]));
        pair.to_alice.tell(move |ask, told| {
            if ask.route() == Route::Entries(photos) {
                told.edit(|page: &mut Page| page.last = lie);
            }
        });
        assert_eq!(alarm(&pair.alice).await.as_deref(), Some("CHK-011"));
        assert_eq!(files(&pair.alice).len(), 64);
        pair.alice.dismiss("photos").await.unwrap();
    }
}

/// The write key of an epoch of the drive.
struct Gate(u64, EpochSecrets);

impl GrantKey for Gate {
    fn epoch(&self) -> u64 {
        self.0
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.write_key().unwrap().sign(&message(label, statement)))
    }
}

/// An account with three devices: one signs what it should not, two have to read it.
struct Bad {
    insider: Insider,
    victim: Device,
    other: Device,
    liar: Liar,
    site: Site,
}

impl Bad {
    async fn new() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let mut insider = Insider::join(&url, &invite, "alice").await;
        let liar = Liar::before(&site).await;
        let words = insider.sheet.words.clone();
        let recover =
            async |url: String, device| Device::recover(&url, "alice", &words, device).await.unwrap();
        let victim = recover(liar.url(), "victim").await;
        victim.create_drive("main").await.unwrap();
        victim.put("/a.txt", b"the first file").await.unwrap();
        let other = recover(url, "other").await;
        // Its coming brought new keys, which all have read when the insider speaks.
        other.sync().await.unwrap();
        victim.sync().await.unwrap();
        other.sync().await.unwrap();
        insider.sync().await;
        Self {
            insider,
            victim,
            other,
            liar,
            site,
        }
    }

    fn drive(&self) -> JournalId {
        *self.insider.the_drive().state.id()
    }

    async fn say(&self, content: Content) {
        let sealed = self.insider.seal_on(
            &self.insider.ground(self.insider.the_drive()),
            content,
            Vec::new(),
        );
        let (state, drive) = (&self.insider.the_drive().state, self.drive());
        let epoch = state.epoch().unwrap();
        let key = Gate(epoch, state.secrets(epoch).unwrap());
        for (id, bytes) in &sealed.body_blobs {
            let put = self
                .insider
                .transport
                .put_blob(&drive, &key, id, bytes.clone().into());
            put.await.unwrap();
        }
        self.insider.append(&self.drive(), &sealed).await;
    }

    /// The victim's evidence names the insider's device; then it is passed over, by both alike.
    async fn assert_named(self, check: &str) {
        assert_eq!(alarm(&self.victim).await.as_deref(), Some(check));
        let (path, evidence) = file(&self.victim);
        let verdict = audit(&path).await.unwrap();
        let who = format!("account {}, device {}", self.insider.account, self.insider.device);
        assert_eq!(
            (verdict.convicts.as_str(), verdict.who, verdict.check.as_str()),
            ("member", Some(who), check),
            "{:?}",
            verdict.findings
        );
        self.assert_no_secret(&path);
        // With a bit of what she said turned, she said nothing. Nobody signs the padding.
        let Case::Entry(case) = &evidence.case else {
            panic!("{:?}", evidence.case)
        };
        let said = case.said.clone().unwrap();
        let payload = u32::from_le_bytes(said[112..116].try_into().unwrap()) as usize;
        for at in 0..(116 + payload).min(400) {
            let mut case = case.clone();
            case.said.as_mut().unwrap()[at] ^= 1;
            let evidence = Evidence {
                case: Case::Entry(case),
                ..evidence.clone()
            };
            assert_ne!(convicts(&evidence).await, "member", "byte {at}");
        }

        self.other.put("/more.txt", b"stopped").await.unwrap_err();
        for device in [&self.victim, &self.other] {
            assert_eq!(alarm(device).await.as_deref(), Some(check));
            device.dismiss("main").await.unwrap();
            device.sync().await.unwrap();
            assert_eq!(device.status().await.alarms, []);
        }
        self.other.put("/after.txt", b"goes on").await.unwrap();
        self.victim.sync().await.unwrap();
        assert_eq!(self.victim.cat("/after.txt").await.unwrap(), b"goes on");
        assert_eq!(self.victim.paths().await, self.other.paths().await);
        let Self {
            victim, other, site, ..
        } = self;
        victim.close().await;
        other.close().await;
        site.assert_sound();
    }

    fn assert_no_secret(&self, path: &Path) {
        let text = fs::read_to_string(path).unwrap();
        let letters: String = text.lines().skip(1).collect();
        let bytes = data_encoding::BASE64.decode(letters.as_bytes()).unwrap();
        let home = &self.insider.home_state;
        let mut searched = 0;
        for (journal, _, epoch) in home.journals() {
            for epoch in 0..=epoch {
                let Some(grant) = home.secrets(&journal, epoch) else {
                    continue;
                };
                for secret in secrets_in(&encode(grant)) {
                    searched += 1;
                    assert!(!bytes.windows(32).any(|window| window == secret));
                }
            }
        }
        assert!(searched >= 3, "K, W and A of the drive");
    }
}

/// The three secrets in the encoding of a grant.
fn secrets_in(grant: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &grant[32..];
    let mut found = vec![grant[..32].to_vec()];
    while let [present, more @ ..] = rest {
        rest = more;
        if *present == 1 {
            found.push(rest[..32].to_vec());
            rest = &rest[32..];
        }
    }
    found
}

fn folder(name: &str) -> DriveOp {
    DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId([0; 16]),
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    }
}

fn good(name: &str) -> Content {
    Content::Drive(DriveBatch {
        ops: vec![folder(name)],
        filler: Vec::new(),
    })
}

/// CHK-017: a change that says what no change says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_members_bad_entry_names_her() {
    let bad = Bad::new().await;
    bad.say(Content::Reset).await;
    bad.assert_named("CHK-017").await;
}

/// The same at the end of a page that begins with good entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_members_bad_entry_after_good_ones_names_her() {
    let bad = Bad::new().await;
    bad.say(good("one")).await;
    bad.say(good("two")).await;
    bad.say(Content::Reset).await;
    bad.assert_named("CHK-017").await;
}

/// CHK-024, with a body in blobs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_members_large_bad_entry_names_her() {
    let bad = Bad::new().await;
    let cites = (0..8_193).map(|at| folder(&format!("{at}"))).collect();
    let content = Content::Drive(DriveBatch {
        ops: cites,
        filler: Vec::new(),
    });
    bad.say(content).await;
    bad.assert_named("CHK-024").await;
}

/// The server shows a member's bad entry to one device and a good one in its place to the others: what was looked at is passed over, and
/// nothing else that comes in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_entry_that_was_looked_at_is_passed_over() {
    let bad = Bad::new().await;
    let reading = bad.insider.the_drive();
    let sealed = bad
        .insider
        .seal_on(&bad.insider.ground(reading), Content::Reset, Vec::new());
    let (drive, last) = (bad.drive(), reading.last());
    let branch = Branch::begin(&bad.liar, &bad.site.data, drive, last);
    branch.push(sealed.entry);
    assert_eq!(alarm(&bad.victim).await.as_deref(), Some("CHK-017"));
    bad.victim.dismiss("main").await.unwrap();
    bad.liar.repent();
    bad.other.put("/good.txt", b"good").await.unwrap();
    let alarm = alarm(&bad.victim).await;
    if alarm.is_none() {
        assert_eq!(bad.victim.cat("/good.txt").await.unwrap(), b"good");
    }
}
