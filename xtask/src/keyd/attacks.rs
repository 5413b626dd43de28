//! What processes of other users try to get at a key: files, `/proc`, tracing, cores, swap. And what the log tells.

use super::host::{Host, UNIT};
use super::people::CANARY;
use super::say;
use crate::Outcome;
use crate::debian::Who;

/// Whoever is neither root nor the service's user.
const OTHERS: [Who; 3] = [Who::Alice, Who::User("eve"), Who::User("crannog-keyd-tls")];
/// The service's own user, in another process.
const OWN: Who = Who::User("crannog-keyd");
/// Where keys lie and what opens them.
const KEYS: &str = "/var/lib/crannog-keyd /etc/crannog-keyd/master.key /etc/credstore.encrypted/crannog-keyd.master \
                    /run/credentials/crannog-keyd.service";
const PROC: &[&str] = &[
    "mem",
    "maps",
    "smaps",
    "environ",
    "auxv",
    "fd",
    "map_files",
    "io",
    "stack",
    "syscall",
];

/// All of it; the service crashes once.
pub fn check(host: &mut Host) -> Outcome {
    files(host)?;
    proc(host)?;
    traces(host)?;
    swap(host)?;
    core(host)
}

fn files(host: &Host) -> Outcome {
    let found = host.root(&format!("find {KEYS} -type f 2>/dev/null || true"))?;
    let paths: Vec<&str> = found.lines().collect();
    let is_there = |end: &str| paths.iter().any(|path| path.ends_with(end));
    let unlocking = if host.systemd {
        is_there("/crannog-keyd.master") && is_there("/crannog-keyd.service/master")
    } else {
        is_there("/master.key")
    };
    if !(is_there("/keys/default/v000001") && unlocking) {
        return Err(format!("the files of the store are not where they belong:\n{found}").into());
    }
    for who in OTHERS {
        for path in &paths {
            nothing(host, who, &format!("cat {path}"))?;
        }
        nothing(host, who, "ls /var/lib/crannog-keyd")?;
    }
    for name in ["config.toml", "policy.toml"] {
        nothing(host, Who::User("eve"), &format!("cat /etc/crannog-keyd/{name}"))?;
    }
    say(&format!(
        "no other user reads a file of the store ({})",
        paths.len()
    ));
    Ok(())
}

fn proc(host: &Host) -> Outcome {
    let pid = host.pid()?;
    for who in OTHERS.into_iter().chain([OWN]) {
        for name in PROC {
            let place = format!("/proc/{pid}/{name}");
            // A folder's entries are named by root, for who cannot list them.
            let list = host.root(&format!("test ! -d {place} || ls -d {place}/*"))?;
            let entries = list.lines().take(8).collect::<Vec<_>>().join(" ");
            nothing(host, who, &format!("cat {place} {entries}"))?;
        }
    }
    for who in OTHERS {
        nothing(host, who, &format!("kill -STOP {pid}"))?;
    }
    say("no other process reads /proc of the service, not even one of its own user");
    Ok(())
}

fn traces(host: &Host) -> Outcome {
    let script = "/usr/local/share/attack.pl";
    std::fs::write(host.root.path(script), include_str!("attack.pl"))?;
    host.root(&format!("chmod 644 {script}"))?;
    let pid = host.pid()?;
    for who in OTHERS.into_iter().chain([OWN]) {
        let said = host.root.shell(who, &format!("perl {script} {pid}"))?;
        if said != "own: read mem descriptor trace\nservice: \n" {
            return Err(format!("{who:?} gets at the service, or not at what is his own:\n{said}").into());
        }
    }
    say(
        "no other process traces it, reads its memory or takes its descriptors, not even one of its own user",
    );
    Ok(())
}

fn swap(host: &Host) -> Outcome {
    let pid = host.pid()?;
    let status = host.root(&format!("cat /proc/{pid}/status"))?;
    let swapped = status.lines().find_map(|line| line.strip_prefix("VmSwap:"));
    if swapped.map(str::trim) != Some("0 kB") {
        return Err(format!("of the service is swapped: {swapped:?}").into());
    }
    let smaps = host.root(&format!("cat /proc/{pid}/smaps"))?;
    let locked = smaps
        .lines()
        .filter_map(|line| line.strip_prefix("VmFlags:"))
        .any(|flags| flags.split_whitespace().any(|flag| flag == "lo"));
    if !(locked || smaps.contains("secretmem")) {
        return Err("the service has neither secret nor locked memory".into());
    }
    if host.systemd {
        let limit = host.root(&format!("systemctl show -p MemorySwapMax --value {UNIT}"))?;
        if limit.trim() != "0" {
            return Err(format!("MemorySwapMax is {limit}").into());
        }
    }
    say("nothing of it is swapped, keys lie in memory that never is");
    Ok(())
}

fn core(host: &mut Host) -> Outcome {
    let limits = host.root(&format!("cat /proc/{}/limits", host.pid()?))?;
    let limit = limits.lines().find(|line| line.starts_with("Max core file size"));
    if limit.is_none_or(|line| line.split_whitespace().skip(4).take(2).any(|word| word != "0")) {
        return Err(format!("the limit of cores: {limit:?}").into());
    }
    if host.crash()? {
        return Err("a core was dumped".into());
    }
    let found = host
        .root("find / -xdev -size +0 \\( -name core -o -name 'core.*' \\) -type f -newer /root/recovery")?;
    if !found.is_empty() {
        return Err(format!("a core lies there: {found}").into());
    }
    say("a crash leaves no core");
    Ok(())
}

/// Neither log, arguments, environment nor state tell a secret.
pub fn tells_nothing(host: &Host, sealed: &str) -> Outcome {
    let log = host.log()?;
    if !log.contains("serving") {
        return Err(format!("the log is not there:\n{log}").into());
    }
    let recovery = host.root("cat /root/recovery")?;
    let key = recovery.trim().rsplit(':').next().unwrap_or_default().to_owned();
    let value = host.root(&format!("printf %s {CANARY} | base64"))?;
    let mut secrets = vec![CANARY.to_owned(), sealed.to_owned(), key, value.trim().to_owned()];
    let master = if host.systemd {
        "od -An -v -tx1 /run/credentials/crannog-keyd.service/master | tr -d ' \\n'"
    } else {
        "cat /etc/crannog-keyd/master.key"
    };
    secrets.push(host.root(master)?.trim().to_owned());
    let pid = host.pid()?;
    let process = host.root(&format!("cat /proc/{pid}/cmdline /proc/{pid}/environ"))?;
    for secret in &secrets {
        if secret.len() < 16 {
            return Err("a secret is too short to be looked for".into());
        }
        if log.contains(secret) || process.contains(secret) {
            return Err("a secret stands in the log, the arguments or the environment".into());
        }
        // What is looked for comes by a file: the arguments of grep are seen, too.
        std::fs::write(host.root.path("/root/secret"), secret)?;
        host.ends(
            Who::Root,
            "grep -rlF -f /root/secret /var/lib/crannog-keyd /var/log",
            1,
        )?;
    }
    host.root("rm /root/secret")?;
    say("log, arguments, environment and state directory tell no secret");
    Ok(())
}

/// A line that must fail and print nothing on standard output.
fn nothing(host: &Host, who: Who, line: &str) -> Outcome {
    let output = crate::run::output(&mut host.root.command(who, line))?;
    if output.status.success() || !output.stdout.is_empty() {
        return Err(format!("{who:?} succeeds, at least in part: {line}").into());
    }
    Ok(())
}
