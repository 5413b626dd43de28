//! Installed, used, attacked, uninstalled, installed again, purged.

use serde_json::Value;

use super::host::{Host, UNIT};
use super::{attacks, people, say};
use crate::Outcome;
use crate::debian::is_there;

const STATE: &str = "/var/lib/crannog-keyd";
const CONFIGURATION: &str = "/etc/crannog-keyd";
const KEY_FILE: &str = "/etc/crannog-keyd/master.key";
const CREDENTIAL: &str = "/etc/credstore.encrypted/crannog-keyd.master";
const UNITS: &str = "/etc/systemd/system";
const TLS_UNIT: &str = "crannog-keyd-tls.service";
const TLS: &str = "127.0.0.1:8200";

/// All of it.
pub fn run(host: &mut Host) -> Outcome {
    host.install("--client alice --recovery-file /root/recovery")?;
    installed(host)?;
    let sealed = people::check(host)?;
    people::reload(host, &sealed)?;
    host.restart()?;
    people::opens(host, &sealed)?;
    say("after a restart it decrypts what was sealed before");
    attacks::check(host)?;
    people::opens(host, &sealed)?;
    attacks::tells_nothing(host, &sealed)?;

    let again = host.install("--client alice")?;
    if let Some(line) = again.lines().find(|line| line.starts_with("made: ")) {
        return Err(format!("a second install does something: {line}").into());
    }
    say("a second install does nothing");

    let store = people::store(host)?;
    host.stop();
    host.root("crannog-keyd uninstall")?;
    let unlocking = if host.systemd { CREDENTIAL } else { KEY_FILE };
    gone(
        host,
        &["/run/crannog-keyd", "/usr/lib/tmpfiles.d/crannog-keyd.conf"],
    )?;
    gone(host, &[&format!("{UNITS}/{UNIT}")])?;
    for path in [&format!("{STATE}/keys/default/key"), unlocking, CONFIGURATION] {
        there(host, path)?;
    }
    say("uninstalled: the keys, what unlocks them and the configuration stay");
    host.install(&format!("--tls {TLS}"))?;
    people::opens(host, &sealed)?;
    say("installed again: it decrypts what was sealed before");
    tls(host)?;

    host.stop();
    let wrong = "0".repeat(store.len());
    host.root(&format!(
        "! crannog-keyd uninstall --purge --yes {wrong} 2>/dev/null"
    ))?;
    there(host, &format!("{STATE}/keys/default/key"))?;
    host.root(&format!("crannog-keyd uninstall --purge --yes {store}"))?;
    gone(host, &[STATE, CONFIGURATION, CREDENTIAL, "/run/crannog-keyd"])?;
    for unit in [UNIT, TLS_UNIT, "crannog-keyd-app@.socket"] {
        gone(host, &[&format!("{UNITS}/{unit}")])?;
    }
    host.root("! grep crannog-keyd /etc/passwd /etc/group")?;
    say("purged, under the store's own id only: nothing is left");
    Ok(())
}

/// It runs, unlocked by what belongs there, with every measure.
fn installed(host: &Host) -> Outcome {
    if host.systemd {
        active(host, UNIT)?;
        there(host, CREDENTIAL)?;
        gone(host, &[KEY_FILE])?;
        say("installed: the unit is active, unlocked by a credential");
    } else {
        let rights = host.root(&format!("stat -c '%a %U' {KEY_FILE}"))?;
        if rights.trim() != "400 crannog-keyd" {
            return Err(format!("{KEY_FILE} is {rights}").into());
        }
        gone(host, &[CREDENTIAL])?;
        say("installed and started by hand, unlocked by a key file");
    }
    let user = host.root(&format!("stat -c %U /proc/{}/mem", host.pid()?))?;
    let ids = host.root(&format!(
        "grep -E '^(Uid|CapPrm|NoNewPrivs|Seccomp):' /proc/{}/status",
        host.pid()?
    ))?;
    let own = host.root("id -u crannog-keyd")?;
    let runs_as = format!("Uid:\t{0}\t{0}\t{0}\t{0}", own.trim());
    for line in [
        runs_as.as_str(),
        "CapPrm:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        if !ids.lines().any(|found| found == line) {
            return Err(format!("the process is another than {line:?}:\n{ids}").into());
        }
    }
    if user.trim() != "root" {
        return Err(format!("the memory of the service belongs to {user}").into());
    }
    let status = host.status()?;
    let missing = status["missing_measures"]
        .as_array()
        .is_none_or(|list| !list.is_empty());
    if missing || status["measures"].as_array().is_none_or(Vec::is_empty) {
        return Err(format!("measures are missing: {status}").into());
    }
    if status["sealed"] != false || status["unlocked_bytes"] != 0 {
        return Err(format!("locked, or with memory that is not: {status}").into());
    }
    let measures: Vec<&str> = status["measures"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    say(&format!(
        "no right of root's, nothing missing: {}",
        measures.join(", ")
    ));
    Ok(())
}

fn tls(host: &Host) -> Outcome {
    if host.systemd {
        active(host, TLS_UNIT)?;
    }
    host.root(&format!("bash -c '</dev/tcp/{}'", TLS.replace(':', "/")))?;
    say("the TLS process runs, and takes connections");
    Ok(())
}

fn active(host: &Host, unit: &str) -> Outcome {
    host.root(&format!("systemctl is-active {unit}")).map(|_| ())
}

fn there(host: &Host, path: &str) -> Outcome {
    if is_there(&host.root.path(path)) {
        Ok(())
    } else {
        Err(format!("{path} is not there").into())
    }
}

fn gone(host: &Host, paths: &[&str]) -> Outcome {
    for path in paths {
        host.root(&format!("test ! -e {path}"))
            .map_err(|_| format!("{path} is there"))?;
    }
    Ok(())
}
