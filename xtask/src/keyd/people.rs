//! Who is served and who is refused: at the socket, by policy, after leaving the group.

use super::host::Host;
use super::say;
use crate::debian::Who;
use crate::{Outcome, json};

/// What is sealed, and must be seen nowhere.
pub const CANARY: &str = "canary-of-this-check";
const GROUP: &str = "crannog-keyd-clients";
const ALICE_OF_BEFORE: Who = Who::Session {
    user: "alice",
    group: GROUP,
};
const EVE: Who = Who::User("eve");
const EVE_IN_THE_GROUP: Who = Who::Session {
    user: "eve",
    group: GROUP,
};
/// Identity or policy.
const DENIED: i32 = 7;

/// All of it; what alice sealed.
pub fn check(host: &Host) -> Outcome<String> {
    let sealed = seal(host, Who::Alice)?;
    opens(host, &sealed)?;
    say("a member of the group encrypts and decrypts");

    host.root("crannog-keyd keys create till")?;
    host.ends(EVE, "! test -x /run/crannog-keyd/clients", 0)?;
    host.ends(EVE, &encrypting("default"), DENIED)?;
    host.ends(EVE, &format!("crannog-keyd decrypt --text {sealed}"), DENIED)?;
    host.ends(
        EVE,
        "crannog-keyd --socket /run/crannog-keyd/admin.sock status",
        DENIED,
    )?;
    say("another user is refused at the socket, and at the administrators'");
    host.ends(EVE_IN_THE_GROUP, &encrypting("default"), DENIED)?;
    host.ends(Who::Alice, &encrypting("till"), DENIED)?;
    say("by policy too: a process with the group whose user is no member, a member with a key of others");

    host.root(&format!("gpasswd -d alice {GROUP}"))?;
    host.ends(Who::Alice, &encrypting("default"), DENIED)?;
    host.ends(ALICE_OF_BEFORE, &encrypting("default"), DENIED)?;
    host.ends(
        ALICE_OF_BEFORE,
        &format!("crannog-keyd decrypt --text {sealed}"),
        DENIED,
    )?;
    host.root(&format!("gpasswd -a alice {GROUP}"))?;
    seal(host, ALICE_OF_BEFORE)?;
    say(
        "a user removed from the group is refused on the next connection, in an old login too; taken in again she is served",
    );
    Ok(sealed)
}

/// A policy that takes encrypting away counts after a reload, and so does the one before.
pub fn reload(host: &Host, sealed: &str) -> Outcome {
    let file = "/etc/crannog-keyd/policy.toml";
    host.root(&format!(
        "cp -p {file} /root/policy && sed -i 's/\"use\"/\"decrypt\"/' {file}"
    ))?;
    host.reload()?;
    host.ends(Who::Alice, &encrypting("default"), DENIED)?;
    opens(host, sealed)?;
    host.root(&format!("cp -p /root/policy {file}"))?;
    host.reload()?;
    seal(host, Who::Alice)?;
    say("a changed policy counts after a reload");
    Ok(())
}

/// Does alice get back what she sealed?
pub fn opens(host: &Host, sealed: &str) -> Outcome {
    let opened = host
        .root
        .shell(Who::Alice, &format!("crannog-keyd decrypt --text {sealed}"))?;
    if opened.trim_end() == CANARY {
        Ok(())
    } else {
        Err(format!("what was sealed opens as {opened:?}").into())
    }
}

fn seal(host: &Host, who: Who) -> Outcome<String> {
    let sealed = host.root.shell(who, &encrypting("default"))?;
    let sealed = sealed.trim();
    if sealed.starts_with("vault:v1:") && !sealed.contains(CANARY) {
        Ok(sealed.to_owned())
    } else {
        Err(format!("no ciphertext: {sealed}").into())
    }
}

fn encrypting(key: &str) -> String {
    format!("printf %s {CANARY} | crannog-keyd encrypt --key {key} -")
}

/// The store's id.
pub fn store(host: &Host) -> Outcome<String> {
    json::text(&host.status()?, "store")
}
