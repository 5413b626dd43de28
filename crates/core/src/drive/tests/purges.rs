//! Purge, also against others who work at the same time.

use super::*;

const ROOT: NodeId = NodeId::ROOT;
const RECOVERED: NodeId = NodeId::RECOVERED;

/// dir(1)/{sub(2)/{b(4)}, a(3)}, all trashed by entry 5.
fn trashed() -> Drive {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "dir"));
    drive.done(&mkdir(node(2), node(1), "sub"));
    drive.done(&create(node(3), node(1), "a", 1));
    drive.done(&create(node(4), node(2), "b", 2));
    drive.done(&trash(node(1)));
    drive
}

#[test]
fn purge_takes_all_below_and_says_which_bytes() {
    let mut drive = trashed();
    drive.ignored(&purge(node(3)), Ignored::NotTrashed);
    let applied = drive.apply(&purge(node(1)));
    assert_eq!(applied.outcome, Outcome::Done);
    assert_eq!(applied.removed, [content(2), content(1)]);
    assert_eq!(drive.state.heads().count(), 0);
    for n in 1..=4 {
        assert_eq!(drive.state.gone(node(n)).unwrap(), Some(7));
    }
    drive.ignored(&restore(node(1)), Ignored::NotTrashed);
    // Whether it was is nothing that everyone remembers.
    drive.done(&create(node(1), ROOT, "again", 9));
    assert_eq!(drive.state.gone(node(1)).unwrap(), None);
    assert_eq!(drive.state.changed(6, 7).unwrap(), [2, 3, 4].map(node));
}

#[test]
fn what_is_live_cannot_be_purged() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.ignored(&purge(node(1)), Ignored::NotTrashed);
}

#[test]
fn purge_spares_what_its_author_cannot_have_seen() {
    let mut drive = trashed();
    drive.done(&restore(node(1)));
    drive.done(&write(node(4), 2, 5));
    drive.done(&trash(node(1)));
    // Her last look was at entry 5; the folder itself was changed after it, so all of it stays.
    let applied = drive.apply_seen(&purge(node(1)), 5);
    assert_eq!(applied.spared, [landing(node(1), "dir")]);
    assert!(applied.removed.is_empty());
    assert_eq!(drive.head(node(1)).trashed, None);
    assert_eq!(drive.head(node(1)).parent, RECOVERED);
    assert!(is_live(&drive.state, node(4)).unwrap());
}

#[test]
fn purge_spares_a_single_file() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "dir"));
    drive.done(&create(node(2), node(1), "old", 1));
    drive.done(&trash(node(1)));
    // Someone else removed an old version, in the trash, after her look; that is a change like any other.
    drive.done(&restore(node(1)));
    drive.done(&write(node(2), 1, 2));
    drive.done(&create(node(3), node(1), "new", 3));
    drive.done(&trash(node(3)));
    drive.done(&trash(node(1)));
    let seen = drive.seq;
    drive.done(&DriveOp::PurgeVersion {
        node: node(2),
        version: version(1),
    });
    let applied = drive.apply_seen(&purge(node(1)), seen);
    assert_eq!(applied.spared, [landing(node(2), "old")]);
    assert_eq!(applied.removed, [content(3)]);
    assert_eq!(drive.at(RECOVERED, "old"), Some(node(2)));
    assert_eq!(drive.head(node(2)).changed, drive.seq);
    assert_eq!(drive.state.gone(node(1)).unwrap(), Some(drive.seq));
}

#[test]
fn trash_and_purge_in_one_breath_spare_everything() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.done(&trash(node(1)));
    let applied = drive.apply_seen(&purge(node(1)), 1);
    assert_eq!(applied.spared, [landing(node(1), "a")]);
    assert!(applied.removed.is_empty());
}

#[test]
fn spared_nodes_get_free_names() {
    let mut drive = Drive::default();
    drive.done(&create(node(5), RECOVERED, "a", 5));
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.done(&trash(node(1)));
    let applied = drive.apply_seen(&purge(node(1)), 0);
    assert_eq!(
        applied.spared,
        [landing(node(1), "a (conflict, laptop, 2025-11-21)")]
    );
}
