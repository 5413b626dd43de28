//! The life of the packages on one machine, told by the guide: installed, used, upgraded, removed, purged.

use std::fs;
use std::path::Path;

use super::guide::Guide;
use super::{lay_out, say, step};
use crate::debian::{Root, Who, is_there};
use crate::{Outcome, json};

const DATA: &str = "/var/lib/crannogd";
const CONFIGURATION: &str = "/etc/crannogd/config.toml";
const KEPT: &str = "/var/backups/crannogd.config.toml";
const ENABLED: &str = "/etc/systemd/system/multi-user.target.wants/crannogd.service";
const INSTALL: &str = "apt-get install ./crannog-server_*_amd64.deb";

/// All of it.
pub fn run(packages: &Path, newer: &Path) -> Outcome {
    let mut root = Root::fresh("package-root")?;
    lay_out(packages, &root.folder())?;
    step("installed where no systemd runs: nothing starts, and all can go again");
    without_systemd(&root)?;

    // From here on the libraries are there, so that no network is needed, and every port is free.
    root.cut_off()?;
    with_systemd(&root)?;
    let mut guide = Guide::read()?;

    step("installed");
    guide.run(&root, "Install the server")?;
    asked(&root, "start crannogd.service")?;
    expect(&root, ENABLED, true)?;
    owned(&root)?;

    step("invited, joined, used");
    let invite = guide.run(&root, "The first invite")?;
    let invite = if invite.is_empty() {
        fs::read_to_string(root.folder().join("invite.json"))?
    } else {
        invite
    };
    let server = json::text(&json::parse(&invite)?, "server")?;
    if !server.starts_with("crannog://crannog.example.org:7443#") {
        return Err(format!("the invite names {server}").into());
    }
    root.shell(
        Who::Alice,
        "umask 077; head -c 16 /dev/urandom | md5sum > password
         umask 022; mkdir photos; head -c 9000000 /dev/urandom > photos/large; head -c 3000 /dev/urandom > photos/small",
    )?;
    guide.run(&root, "A person's machine")?;

    step("upgraded, with data");
    lay_out(newer, &root.folder())?;
    guide.run(&root, "Upgrade")?;
    asked(&root, "restart crannogd.service")?;
    let version = root.shell(Who::Root, "dpkg-query -W -f '${Version}' crannog-server")?;
    if !version.ends_with("+newer") {
        return Err(format!("after the upgrade the version is {version}").into());
    }
    if !fs::read_to_string(root.path(CONFIGURATION))?.contains("\npublic_address = ") {
        return Err("the upgrade lost the operator's configuration".into());
    }
    same_again(&root)?;
    root.shell(Who::Alice, "crannog agent stop")?;
    same_again(&root)?;
    guide.run(&root, "Backup")?;

    step("removed: the data stays");
    guide.run(&root, "Remove")?;
    asked(&root, "stop crannogd.service")?;
    for (path, there) in [("/usr/bin/crannogd", false), (DATA, true), (CONFIGURATION, true)] {
        expect(&root, path, there)?;
    }
    owned(&root)?;
    root.shell(Who::Root, INSTALL)?;
    same_again(&root)?;

    step("purged: the data stays");
    guide.one(&root, "Purge", 0)?;
    for (path, there) in [(CONFIGURATION, false), (ENABLED, false), (KEPT, true)] {
        expect(&root, path, there)?;
    }
    owned(&root)?;
    root.shell(Who::Root, INSTALL)?;
    same_again(&root)?;
    root.shell(
        Who::Root,
        &format!("sed -i 's/^#\\([a-z_]* = \\|\\[\\)/\\1/' {CONFIGURATION} && systemctl restart crannogd"),
    )?;
    same_again(&root)?;
    say("every default of the configuration, written out, is understood");

    step("purged, and the end of the data asked for: by a file, by the environment");
    guide.one(&root, "Purge", 1)?;
    guide.one(&root, "Purge", 2)?;
    nothing_left(&root)?;
    root.shell(Who::Root, INSTALL)?;
    root.shell(Who::Root, "crannogd invite create")?;
    expect(&root, DATA, true)?;
    guide.one(&root, "Purge", 3)?;
    nothing_left(&root)?;
    root.shell(Who::Root, "apt-get purge crannog")?;
    root.shell(
        Who::Alice,
        "test -s words.txt && find . -name state.db | grep -q .",
    )
    .map_err(|error| format!("removing the client touched what is alice's: {error}"))?;
    let commands = guide.finish()?;
    say(&format!(
        "{commands} commands of docs/operate/install.md were run"
    ));
    Ok(())
}

fn without_systemd(root: &Root) -> Outcome {
    root.shell(Who::Root, "apt-get update")?;
    root.shell(Who::Root, &format!("{INSTALL} ./crannog_*_amd64.deb"))?;
    expect(root, ENABLED, false)?;
    owned(root)?;
    let script = "/var/lib/dpkg/info/crannog-server.postinst configure";
    root.shell(Who::Root, &format!("{script}; {script} 0.0.9-1"))?;
    owned(root)?;
    let changed = root.shell(Who::Root, "dpkg --verify crannog-server crannog")?;
    if !changed.is_empty() {
        return Err(format!("dpkg --verify says {changed}").into());
    }
    root.shell(
        Who::Root,
        "CRANNOG_PURGE_DATA=1 apt-get purge crannog-server crannog",
    )?;
    nothing_left(root)
}

/// As if it ran: its folder, and a stand-in that obeys.
fn with_systemd(root: &Root) -> Outcome {
    fs::create_dir_all(root.path("/run/systemd/system"))?;
    let stand_in = root.path("/usr/bin/systemctl");
    if is_there(&stand_in) {
        return Err("this Debian has a systemctl of its own".into());
    }
    fs::write(&stand_in, include_str!("systemctl.sh"))?;
    fs::write(
        root.path("/etc/hosts"),
        "127.0.0.1 localhost crannog.example.org\n",
    )?;
    root.shell(Who::Root, "chmod 755 /usr/bin/systemctl").map(|_| ())
}

/// Was the stand-in asked for this, last of all starts and stops?
fn asked(root: &Root, what: &str) -> Outcome {
    let log = fs::read_to_string(root.path("/run/systemctl.log")).unwrap_or_default();
    let asked = log.lines().any(|line| line.ends_with(what));
    fs::write(root.path("/run/systemctl.log"), "")?;
    if asked {
        Ok(())
    } else {
        Err(format!("nobody asked systemd: {what}\n{log}").into())
    }
}

fn expect(root: &Root, path: &str, there: bool) -> Outcome {
    match (is_there(&root.path(path)), there) {
        (true, false) => Err(format!("{path} is there").into()),
        (false, true) => Err(format!("{path} is not there").into()),
        _ => Ok(()),
    }
}

/// The data directory is the service's alone.
fn owned(root: &Root) -> Outcome {
    let found = root.shell(Who::Root, &format!("stat -c '%a %U %G' {DATA}"))?;
    if found.trim() == "700 crannogd crannogd" {
        Ok(())
    } else {
        Err(format!("{DATA} is {found}").into())
    }
}

fn nothing_left(root: &Root) -> Outcome {
    for path in [DATA, "/etc/crannogd", KEPT, "/usr/bin/crannogd", ENABLED] {
        expect(root, path, false)?;
    }
    let users = fs::read_to_string(root.path("/etc/passwd"))?;
    if users.contains("crannogd") {
        return Err("the user is left".into());
    }
    Ok(())
}

/// What was put is served as before, to a folder that has nothing of it yet.
fn same_again(root: &Root) -> Outcome {
    root.shell(
        Who::Alice,
        "rm -rf back; crannog sync && crannog get -r /photos ./back && diff -r photos back",
    )?;
    say("the files are served, and identical");
    Ok(())
}
