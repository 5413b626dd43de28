//! Purge: a trashed node goes for good with all below it, but not what its author cannot have seen.

use super::{Applied, DriveState, EntryMeta, Landing, NodeId, Outcome, place::place};

/// Removes `top` and all below it, parents first, siblings by ascending id. A node changed after `entry.seen_seq` is
/// spared, with all below it: it goes to `/Recovered`.
pub(super) fn purge<S: DriveState>(
    state: &mut S,
    entry: &EntryMeta<'_>,
    top: NodeId,
) -> Result<Applied, S::Error> {
    let mut applied = Applied::new(Outcome::Done);
    let mut waiting = vec![top];
    while let Some(node) = waiting.pop() {
        let Some(mut head) = state.head(node)? else {
            continue;
        };
        if head.changed > entry.seen_seq {
            // Its parent is on the way out or in the trash, so it finds its place where everything homeless does.
            head.parent = NodeId::RECOVERED;
            let name = head.name.clone();
            let name = match place(state, entry, head)? {
                Outcome::Conflict(landing) | Outcome::Recovered(landing) => landing.name,
                _ => name,
            };
            applied.spared.push(Landing { node, name });
            continue;
        }
        let children = state.children(node)?;
        waiting.extend(children.into_iter().rev());
        applied.removed.append(&mut state.remove(node, entry.seq)?);
    }
    Ok(applied)
}
