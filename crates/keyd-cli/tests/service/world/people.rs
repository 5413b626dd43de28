//! Real users and groups of this machine, gone again when they are dropped.

use std::process::{Command, Stdio};

/// A user who belongs to nobody else.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) id: u32,
    pub(crate) group_id: u32,
}

/// A group.
pub(crate) struct Team {
    pub(crate) name: String,
    pub(crate) id: u32,
}

impl Team {
    pub(crate) fn new(word: &str) -> Self {
        let name = unique(word);
        run("groupadd", &["--system", &name]);
        let found = nix::unistd::Group::from_name(&name).unwrap().unwrap();
        Self {
            id: found.gid.as_raw(),
            name,
        }
    }

    pub(crate) fn take_in(&self, person: &Person) {
        run("gpasswd", &["--add", &person.name, &self.name]);
    }

    pub(crate) fn put_out(&self, person: &Person) {
        run("gpasswd", &["--delete", &person.name, &self.name]);
    }
}

impl Person {
    pub(crate) fn new(word: &str) -> Self {
        let name = unique(word);
        run(
            "useradd",
            &[
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                "--user-group",
                &name,
            ],
        );
        let found = nix::unistd::User::from_name(&name).unwrap().unwrap();
        Self {
            id: found.uid.as_raw(),
            group_id: found.gid.as_raw(),
            name,
        }
    }

    /// A program run by her, whose process holds these groups.
    pub(crate) fn command(&self, groups: &[&Team], program: &std::path::Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                &self.id.to_string(),
                "--regid",
                &self.group_id.to_string(),
            ])
            .stdin(Stdio::null());
        if groups.is_empty() {
            command.arg("--clear-groups");
        } else {
            let ids: Vec<String> = groups.iter().map(|team| team.id.to_string()).collect();
            command.args(["--groups", &ids.join(",")]);
        }
        command.arg("--").arg(program);
        command
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = Command::new("userdel").arg(&self.name).output();
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        let _ = Command::new("groupdel").arg(&self.name).output();
    }
}

fn unique(word: &str) -> String {
    format!("ckd-{word}-{:06x}", rand::random::<u32>() & 0xff_ffff)
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}
