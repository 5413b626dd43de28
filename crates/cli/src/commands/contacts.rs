//! contacts.

use clap::Args;
use crannog_agent_api::answer::ContactInfo;
use crannog_agent_api::{Answer, Code, Failure, Request};
use jiff::Timestamp;

use crate::args::DryRun;
use crate::decision::Yes;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::{human, output, person};

/// List the people you share with, and the ten words of each
///
/// Compare the words with her, by telephone or in person. A root that changed is shown with the old and the new words: she got
/// her account back on a new root, or somebody else is in her place. Work with her stands still until you have asked her and
/// gone on with --trust.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog contacts\n  crannog contacts --trust bob")]
pub(crate) struct Contacts {
    /// Go on with the new root of this person; asks on a terminal
    #[arg(long, value_name = "NAME")]
    trust: Option<String>,
    #[command(flatten)]
    try_out: DryRun,
    #[command(flatten)]
    sure: Yes,
}

impl Contacts {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Contacts).await?;
        let Answer::Contacts(contacts) = &answer else {
            return Err(unexpected(&answer));
        };
        match self.trust {
            Some(name) => trust(name, contacts, &self.try_out, self.sure, session).await,
            None => Ok(Shown::new(list(contacts, Timestamp::now()), &answer)),
        }
    }
}

async fn trust(
    name: String,
    contacts: &[ContactInfo],
    try_out: &DryRun,
    sure: Yes,
    session: &mut Session,
) -> Result<Shown, Failure> {
    let known = contacts
        .iter()
        .find(|contact| contact.name == name || contact.account == name);
    let contact = known.ok_or_else(|| {
        Failure::new(Code::NotFound, "there is no such contact")
            .object(name.clone())
            .hint("crannog contacts")
    })?;
    let (Some(changed), Some(words)) = (change(contact), contact.changed_to.clone()) else {
        return Ok(Shown::said(&format!(
            "the root of {} did not change",
            line(&contact.name)
        )));
    };
    if try_out.dry_run {
        return Ok(Shown::said(&format!("{changed}would pin the new root")));
    }
    if !sure.yes {
        output::aside(&changed);
    }
    let shown = line(&contact.name);
    sure.or_ask(format!("Did {shown} tell you the new words herself?"))
        .await?;
    let said = format!(
        "{shown} is pinned with the new root, {}: compare the words with her",
        person::mark(false)
    );
    let account = contact.account.clone();
    let request = Request::TrustContact { account, words };
    Shown::done(&session.ask(request).await?, &said)
}

fn list(contacts: &[ContactInfo], now: Timestamp) -> String {
    contacts
        .iter()
        .map(|contact| one(contact, now))
        .collect::<Vec<_>>()
        .join("\n")
}

fn one(contact: &ContactInfo, now: Timestamp) -> String {
    let heard = match contact.heard {
        Some(time) => format!("heard {}", human::ago(time, now)),
        None => "never heard".to_owned(),
    };
    let mut verified = person::mark(contact.verified).to_owned();
    if let Some(how) = &contact.how {
        verified.push_str(&format!(": {}", line(how)));
    }
    let mut text = format!("{} ({verified}), {heard}\n", line(&contact.name));
    if contact.closed {
        text.push_str("  closed her account for ever\n");
    }
    if !contact.shares.is_empty() {
        let shares: Vec<String> = contact.shares.iter().map(|share| line(share)).collect();
        text.push_str(&format!("  shares: {}\n", shares.join(", ")));
    }
    match change(contact) {
        Some(changed) => text.push_str(&changed),
        None => text.push_str(&format!("  words: {}\n", line(&contact.words))),
    }
    text
}

/// Loudly: her root is another one.
fn change(contact: &ContactInfo) -> Option<String> {
    let new = contact.changed_to.as_ref()?;
    Some(format!(
        "ROOT CHANGED: the account {name} has another root than before. Nothing new goes to her until you have asked her.\n  \
         old words: {}\n  new words: {}\n  `crannog contacts --trust {name}` goes on with the new ones\n",
        line(&contact.words),
        line(new),
        name = line(&contact.name),
    ))
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::ContactInfo;
    use jiff::Timestamp;

    use super::list;

    #[test]
    fn contacts() {
        let bob = ContactInfo {
            name: "bob".into(),
            account: "00".into(),
            words: "one two".into(),
            verified: false,
            how: None,
            closed: true,
            changed_to: None,
            shares: vec!["photos".into(), "ta\nxes".into()],
            heard: None,
        };
        let carol = ContactInfo {
            name: "carol".into(),
            verified: true,
            how: Some("compared".into()),
            closed: false,
            changed_to: Some("three four".into()),
            shares: Vec::new(),
            heard: Some(5_000),
            ..bob.clone()
        };
        assert_eq!(
            list(&[bob, carol], Timestamp::from_second(8).unwrap()),
            "bob (not verified), never heard\n  closed her account for ever\n  shares: photos, ta\\nxes\n  words: one two\n\n\
             carol (verified: compared), heard 3 s ago\n\
             ROOT CHANGED: the account carol has another root than before. Nothing new goes to her until you have asked her.\n  \
             old words: one two\n  new words: three four\n  `crannog contacts --trust carol` goes on with the new ones\n"
        );
    }
}
