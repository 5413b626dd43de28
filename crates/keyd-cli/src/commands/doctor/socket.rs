//! The socket's rights, and whether this user has them.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crannog_keyd_os::{GroupId, Linux, Platform, UserId};
use nix::unistd::{AccessFlags, Gid, Group, eaccess, getegid, geteuid, getgroups};

use super::finding::Finding;

/// Looks at a socket, its folder, and the administrators' socket beside the folder.
pub(super) fn look(socket: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(folder) = socket.parent() else {
        return found;
    };
    match std::fs::metadata(folder) {
        Ok(facts) => {
            found.push(folder_rights(folder, &facts));
            found.extend(membership(folder, &facts));
        }
        Err(error) => found.push(Finding::broken(folder.display().to_string(), error.to_string())),
    }
    match std::fs::metadata(socket) {
        Ok(facts) => found.push(socket_rights(socket, &facts)),
        Err(error) => found.push(Finding::broken(socket.display().to_string(), error.to_string())),
    }
    let admin = folder.with_file_name("admin.sock");
    if let Ok(facts) = std::fs::metadata(&admin) {
        found.push(private(&admin, &facts));
    }
    found.extend(user_namespace());
    found
}

fn folder_rights(path: &Path, facts: &Metadata) -> Finding {
    let (object, mode) = (path.display().to_string(), facts.mode() & 0o7777);
    match mode & 0o027 {
        0 => Finding::ok(object, format!("mode {mode:04o}")),
        _ => Finding::broken(
            object,
            format!("mode {mode:04o}: others than its group may enter or change it"),
        ),
    }
}

fn socket_rights(path: &Path, facts: &Metadata) -> Finding {
    let (object, mode) = (path.display().to_string(), facts.mode() & 0o7777);
    if !facts.file_type().is_socket() {
        return Finding::broken(object, "not a socket");
    }
    if mode & 0o007 != 0 {
        return Finding::broken(object, format!("mode {mode:04o}: everybody may open it"));
    }
    match eaccess(path, AccessFlags::R_OK | AccessFlags::W_OK) {
        Ok(()) => Finding::ok(object, format!("mode {mode:04o}, this user may open it")),
        Err(_) => Finding::broken(object, format!("mode {mode:04o}, this user may not open it")),
    }
}

fn private(path: &Path, facts: &Metadata) -> Finding {
    let (object, mode) = (path.display().to_string(), facts.mode() & 0o7777);
    match mode & 0o077 {
        0 => Finding::ok(object, format!("mode {mode:04o}")),
        _ => Finding::broken(
            object,
            format!("mode {mode:04o}: others than the service's user may open it"),
        ),
    }
}

/// The kernel must list the folder's group, and the directory of users too (KEY-008).
fn membership(folder: &Path, facts: &Metadata) -> Option<Finding> {
    let user = geteuid();
    if user.is_root() || user.as_raw() == facts.uid() {
        return None;
    }
    let group = Gid::from_raw(facts.gid());
    let name = Group::from_gid(group)
        .ok()
        .flatten()
        .map_or_else(|| group.to_string(), |group| group.name);
    let kernel = getegid() == group || getgroups().unwrap_or_default().contains(&group);
    let (user, id) = (
        UserId::from_number(user.as_raw()),
        GroupId::from_number(group.as_raw()),
    );
    let listed = Linux::new().is_member(user, id).unwrap_or(false);
    let object = format!("group {name} of {}", folder.display());
    Some(match (kernel, listed) {
        (true, true) => Finding::ok(object, "this user is a member"),
        (false, true) => Finding::broken(
            object,
            "this user is a member since this login began: log in anew",
        ),
        (true, false) => Finding::broken(
            object,
            "this process has the group, and the directory of users does not know it any more",
        )
        .check("KEY-008"),
        (false, false) => Finding::broken(
            object,
            format!("this user is no member: usermod -aG {name} USER, and log in anew"),
        ),
    })
}

/// In a user namespace this process has another uid for the service than for itself.
fn user_namespace() -> Option<Finding> {
    let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
    let numbers: Vec<&str> = map.split_whitespace().collect();
    let whole = numbers == ["0", "0", "4294967295"];
    (!whole).then(|| {
        Finding::warning(
            "this process",
            "is in a user namespace: the service may see it as nobody, whom no rule matches; a container gets a socket of its own",
        )
        .check("KEY-008")
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::super::finding::State;
    use super::look;

    #[test]
    fn open_doors_are_broken() {
        let run = tempfile::tempdir().unwrap();
        let folder = run.path().join("clients");
        fs::create_dir(&folder).unwrap();
        let (socket, admin) = (folder.join("keyd.sock"), run.path().join("admin.sock"));
        let _listening = [&socket, &admin].map(|path| UnixListener::bind(path).unwrap());
        let chmod = |modes: [u32; 3]| {
            for (path, mode) in [&folder, &socket, &admin].into_iter().zip(modes) {
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            }
        };
        let states = || -> Vec<(String, State)> {
            let found = look(&socket).into_iter();
            found
                .filter(|finding| finding.object.starts_with('/'))
                .map(|finding| {
                    (
                        finding.object.rsplit('/').next().unwrap().to_owned(),
                        finding.state,
                    )
                })
                .collect()
        };
        let states_are = |clients, keyd, admin| {
            let expected = [("clients", clients), ("keyd.sock", keyd), ("admin.sock", admin)];
            assert_eq!(states(), expected.map(|(name, state)| (name.to_owned(), state)));
        };
        chmod([0o2750, 0o660, 0o600]);
        states_are(State::Ok, State::Ok, State::Ok);
        chmod([0o755, 0o666, 0o660]);
        states_are(State::Broken, State::Broken, State::Broken);
    }
}
