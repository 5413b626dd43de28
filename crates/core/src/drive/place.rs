//! Giving a node its place: where a folder is no more there is `/Recovered`, where a name is taken there is another.

use super::name::{RECOVERED_NAME, conflict_name};
use super::{DriveState, EntryMeta, Head, Landing, NodeId, Outcome, is_live_directory};

/// Puts `head` into the folder and under the name that it asks for, as far as there is such a place; it is then not
/// trashed, and changed by this entry.
pub(super) fn place<S: DriveState>(
    state: &mut S,
    entry: &EntryMeta<'_>,
    mut head: Head,
) -> Result<Outcome, S::Error> {
    let recovered = !is_live_directory(state, head.parent)?;
    if recovered {
        head.parent = NodeId::RECOVERED;
    }
    let name = free_name(state, entry, &head)?;
    let renamed = name != head.name;
    head.name = name;
    head.changed = entry.seq;
    head.trashed = None;
    let landing = Landing {
        node: head.node,
        name: head.name.clone(),
    };
    state.put(head)?;
    Ok(match (recovered, renamed) {
        (true, _) => Outcome::Recovered(landing),
        (false, true) => Outcome::Conflict(landing),
        (false, false) => Outcome::Done,
    })
}

/// The name itself, else a conflict name, else a numbered one, else one that is this placing's own: how many names are looked at depends on
/// how many there are of one operation, not on how many nodes want the name (CHK-024).
fn free_name<S: DriveState>(state: &S, entry: &EntryMeta<'_>, head: &Head) -> Result<String, S::Error> {
    let mut name = head.name.clone();
    let mut attempt = 0;
    while is_taken(state, head, &name)? {
        attempt += 1;
        name = conflict_name(&head.name, entry, head.node, attempt);
    }
    Ok(name)
}

fn is_taken<S: DriveState>(state: &S, head: &Head, name: &str) -> Result<bool, S::Error> {
    if head.parent == NodeId::ROOT && name == RECOVERED_NAME {
        return Ok(true);
    }
    Ok(state
        .child(head.parent, name)?
        .is_some_and(|other| other != head.node))
}
