//! What evidence proves to somebody who believes neither server nor finder.

use super::branch::{Fork, Heads};
use super::case::{Branch, Case, EntryCase, Evidence};
use super::entry::{HeaderSeen, Spoken, is_covered, look_at_header, who_spoke};
use crate::journal::Author;

/// Whom evidence convicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convicted {
    /// The server whose CA certificate is in the evidence; which server that is tells the certificate's fingerprint alone.
    Server,
    /// This device of this person: no honest one says this.
    Member(Author),
    /// Nobody.
    Nobody,
}

/// What an audit finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Who is convicted, by what the evidence itself shows.
    pub convicts: Convicted,
    /// Who proved herself to have said what the entry holds. That it is wrong is the finder's word, unless she is convicted.
    pub said: Option<Author>,
    /// What was looked at and found, a sentence each.
    pub findings: Vec<String>,
}

impl Verdict {
    fn nobody(findings: Vec<String>) -> Self {
        Self {
            convicts: Convicted::Nobody,
            said: None,
            findings,
        }
    }
}

/// Examines evidence. `receipt_key_is_certified` says whether the caller found `receipt_key_signature` to be that of the key in the
/// certificate `ca`, over `receipt_key`, label `crannog/1 receipt key.`; without that, receipts convict nobody.
pub fn audit(evidence: &Evidence, receipt_key_is_certified: bool) -> Verdict {
    let mut findings = Vec::new();
    if !receipt_key_is_certified {
        findings
            .push("The CA certificate does not certify the receipt key, so receipts prove nothing.".into());
    }
    match &evidence.case {
        Case::Fork { ours, theirs } => fork(evidence, [ours, theirs], receipt_key_is_certified, findings),
        Case::Entry(case) => entry(evidence, case, receipt_key_is_certified, findings),
        Case::Nothing => {
            findings.push("The file shows nothing but the finder's word.".into());
            Verdict::nobody(findings)
        }
    }
}

fn fork(evidence: &Evidence, branches: [&Branch; 2], certified: bool, mut findings: Vec<String>) -> Verdict {
    let (journal, key) = (&evidence.journal, &evidence.server.receipt_key);
    let proved = branches.map(|branch| Heads::prove(branch, journal, key));
    for (name, heads) in ["first", "second"].iter().zip(&proved) {
        let ends = if heads.is_some() { "ends" } else { "does not end" };
        findings.push(format!(
            "The {name} branch {ends} in a receipt of journal {journal} by the receipt key."
        ));
    }
    let [Some(ours), Some(theirs)] = proved else {
        return Verdict::nobody(findings);
    };
    let found = ours.compare(&theirs);
    findings.push(match found {
        Fork::At(seq) => {
            format!("At place {seq} the branches have different heads: the key signed two pasts.")
        }
        Fork::Agree => "The branches agree wherever both are.".into(),
        Fork::Apart => "The branches have no place in common.".into(),
    });
    let convicts = if certified && matches!(found, Fork::At(_)) {
        Convicted::Server
    } else {
        Convicted::Nobody
    };
    Verdict {
        convicts,
        ..Verdict::nobody(findings)
    }
}

fn entry(evidence: &Evidence, case: &EntryCase, certified: bool, mut findings: Vec<String>) -> Verdict {
    let covered = is_covered(case, &evidence.journal, &evidence.server.receipt_key);
    findings.push(
        if covered {
            "A receipt by the receipt key covers the entry's header."
        } else {
            "No receipt by the receipt key covers the entry's header."
        }
        .into(),
    );
    match look_at_header(case, &evidence.journal) {
        HeaderSeen::Bad(why) => {
            findings.push(format!(
                "The entry's header {why}: an honest server does not take it."
            ));
            let convicts = if covered && certified {
                Convicted::Server
            } else {
                Convicted::Nobody
            };
            Verdict {
                convicts,
                ..Verdict::nobody(findings)
            }
        }
        HeaderSeen::Fine(header) => spoken(who_spoke(case, &header), findings),
    }
}

fn spoken(spoken: Option<Spoken>, mut findings: Vec<String>) -> Verdict {
    let Some(Spoken {
        author,
        revoked,
        wrong,
    }) = spoken
    else {
        findings.push("Nobody is shown to have said what the entry holds.".into());
        return Verdict::nobody(findings);
    };
    findings.push(format!(
        "Device {} of account {} signed what the entry holds, together with its header.",
        author.device, author.account
    ));
    if revoked {
        findings.push("By the sigchain in the file, the device is no longer hers.".into());
    }
    let convicts = match wrong {
        Some(check) => {
            findings.push(format!("What she said is wrong ({check})."));
            Convicted::Member(author)
        }
        None => {
            findings.push("That it is wrong does not show without the journal's keys and history: it is the finder's word.".into());
            Convicted::Nobody
        }
    };
    Verdict {
        convicts,
        said: Some(author),
        findings,
    }
}
