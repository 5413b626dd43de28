//! What tests look at: what a person was told, what her client sent, what it keeps.

use crannog_agent_api::answer::{AuditInfo, Finding};
use crannog_agent_api::{Answer, Code, Failure, Request};
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId};
use crannog_core::identity::{Expected, KnownChain, create_account};
use crannog_proto::api::{Append, DirectoryEntry};
use crannog_proto::{DeviceId, Header, JournalId, Kind, decode};
use crannog_testkit::{Device, Exchange, Liar, NOW, Route};

/// Catches up; why it stopped, if it did.
pub(crate) async fn alarm(device: &Device) -> Option<Failure> {
    // Answered once the background's own first catch-up is over: nothing but the test is at work after that.
    device.drives().await;
    let synced = device.sync().await;
    synced.err().or(device.status().await.alarms.into_iter().next())
}

#[track_caller]
pub(crate) fn assert_lie(failure: &Failure, what: &str, check: &str, object: &str) {
    assert_eq!(failure.code, Code::VerificationFailed, "{what}: {failure:?}");
    assert_eq!(failure.check.as_deref(), Some(check), "{what}: {failure:?}");
    let named = failure.object.as_deref().unwrap_or_default();
    assert!(named.contains(object), "{what}: {failure:?}");
}

/// All that a lie must not change: drives, people, invites. Files of a drive are counted, for one that is frozen shows no others.
pub(crate) async fn picture(device: &Device) -> String {
    let drives = serde_json::to_string(&device.drives().await).unwrap();
    let contacts = device.contacts().await;
    let contacts: Vec<_> = contacts
        .iter()
        .map(|contact| (&contact.name, &contact.account, &contact.words, &contact.verified))
        .collect();
    let invites = device.invites().await;
    let invites: Vec<_> = invites.iter().map(|invite| (&invite.id, &invite.name)).collect();
    format!("{drives}\n{contacts:?}\n{invites:?}")
}

/// What the doctor tells of refused notes, newest first.
pub(crate) async fn refusals(device: &Device) -> Vec<String> {
    let Ok(Answer::Findings(findings)) = device.perform(Request::Doctor).await else {
        panic!("doctor")
    };
    let refused = |finding: Finding| (finding.object == "refused").then_some(finding.text);
    findings.into_iter().filter_map(refused).collect()
}

/// What the files of evidence in a profile prove.
pub(crate) async fn audits(device: &Device) -> Vec<AuditInfo> {
    let Ok(folder) = std::fs::read_dir(device.profile.join("evidence")) else {
        return Vec::new();
    };
    let mut audits = Vec::new();
    for file in folder {
        let file = file.unwrap().path();
        match device.perform(Request::Audit { file }).await {
            Ok(Answer::Audit(audit)) => audits.push(audit),
            other => panic!("audit: {other:?}"),
        }
    }
    audits
}

/// Somebody looked at a changed root, and compared the words that are shown.
pub(crate) async fn trust(device: &Device, name: &str) -> Result<(), Failure> {
    let contacts = device.contacts().await;
    let contact = contacts.iter().find(|contact| contact.name == name).unwrap();
    let words = contact.changed_to.clone().expect("a changed root");
    trust_words(device, &contact.account, &words).await
}

/// Pins the root with these words.
pub(crate) async fn trust_words(device: &Device, account: &str, words: &str) -> Result<(), Failure> {
    let request = Request::TrustContact {
        account: account.to_owned(),
        words: words.to_owned(),
    };
    device.perform(request).await.map(drop)
}

/// The headers of all that was sent to a journal, whatever became of it.
pub(crate) fn sent(heard: &[Exchange], journal: JournalId) -> Vec<Header> {
    let appends = heard
        .iter()
        .filter(|exchange| exchange.ask.route() == Route::Append(journal));
    let entries = appends.flat_map(|exchange| decode::<Append>(&exchange.ask.body).unwrap().entries);
    entries.map(|entry| decode(&entry.header).unwrap()).collect()
}

/// The same, as what was sent: `R` a rekey, `C` a change.
pub(crate) fn kinds(liar: &Liar, journal: JournalId) -> String {
    let letter = |header: &Header| match header.kind {
        Kind::Rekey { .. } => 'R',
        Kind::Change => 'C',
        _ => '?',
    };
    sent(&liar.heard(), journal).iter().map(letter).collect()
}

/// How many notes went out.
pub(crate) fn notes(heard: &[Exchange]) -> usize {
    let drops = |exchange: &&Exchange| matches!(exchange.ask.route(), Route::DropInto(_));
    heard.iter().filter(drops).count()
}

/// A folder in the top of a drive.
pub(crate) fn folder(name: &str) -> DriveOp {
    DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId::ROOT,
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    }
}

/// An account that no server knows.
pub(crate) fn nobody(name: &str) -> KnownChain {
    let device = DeviceId(rand::random());
    let made = create_account(name, device, "nowhere", NOW, &mut rand::rng()).unwrap();
    KnownChain::first(vec![made.link], &Expected::default()).unwrap()
}

/// As the directory would show it.
pub(crate) fn entry_of(chain: &KnownChain) -> DirectoryEntry {
    DirectoryEntry {
        name: chain.state().name.clone(),
        links: chain.links().to_vec(),
    }
}
