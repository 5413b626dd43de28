//! Each rule of the fold, by the page.

use super::*;

const ROOT: NodeId = NodeId::ROOT;
const RECOVERED: NodeId = NodeId::RECOVERED;

#[test]
fn create_and_write() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "dir"));
    drive.done(&create(node(2), node(1), "a", 1));
    drive.done(&write(node(2), 1, 2));
    assert_eq!(drive.versions(node(2)), [version(1), version(2)]);
    let head = drive.head(node(2));
    assert_eq!(
        (head.created, head.changed, head.kind),
        (2, 3, HeadKind::File { current: version(2) })
    );
    let first = drive.state.versions(node(2)).unwrap().remove(0);
    assert_eq!(
        (first.seq, first.account, first.content),
        (2, AccountId([7; 32]), content(1))
    );
    let link = NewNode::Symlink {
        target: b"../a".to_vec(),
    };
    drive.done(&DriveOp::Create {
        node: node(3),
        parent: ROOT,
        name: "l".into(),
        attrs: ATTRS,
        new: link,
    });
}

#[test]
fn two_creates_of_one_name_both_live() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a.txt", 1));
    for (n, name) in [
        (2, "a (conflict, laptop, 2025-11-21).txt"),
        (3, "a (conflict, laptop, 2025-11-21 2).txt"),
        (4, "a (conflict, laptop, 2025-11-21 3).txt"),
    ] {
        let applied = drive.apply(&create(node(n), ROOT, "a.txt", n.into()));
        assert_eq!(applied.outcome, Outcome::Conflict(landing(node(n), name)));
        assert_eq!(drive.at(ROOT, name), Some(node(n)));
    }
}

#[test]
fn a_write_to_an_old_version_becomes_a_sibling() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.done(&write(node(1), 1, 2));
    let sibling = NodeId(version(3).0);
    let applied = drive.apply(&write(node(1), 1, 3));
    assert_eq!(
        applied.outcome,
        Outcome::Conflict(landing(sibling, "a (conflict, laptop, 2025-11-21)"))
    );
    assert_eq!(drive.versions(sibling), [version(3)]);
    assert_eq!(drive.versions(node(1)), [version(1), version(2)]);
    // The sibling is a file like any other.
    drive.done(&write(sibling, 3, 4));
}

#[test]
fn a_write_to_what_is_no_live_file_lands_in_recovered() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(9), ROOT, "dir"));
    drive.done(&create(node(1), node(9), "a", 1));
    drive.done(&trash(node(1)));
    let sibling = |n| NodeId(version(n).0);
    let recovered = |n, name| Outcome::Recovered(landing(sibling(n), name));
    assert_eq!(drive.apply(&write(node(1), 1, 2)).outcome, recovered(2, "a"));
    drive.done(&purge(node(1)));
    assert_eq!(
        drive.apply(&write(node(1), 1, 3)).outcome,
        recovered(3, "recovered")
    );
    assert_eq!(
        drive.apply(&write(node(5), 1, 4)).outcome,
        recovered(4, "recovered (conflict, laptop, 2025-11-21)")
    );
    assert_eq!(drive.apply(&write(node(9), 1, 5)).outcome, recovered(5, "dir"));
    assert_eq!(
        drive.apply(&write(ROOT, 1, 6)).outcome,
        recovered(6, "recovered (conflict, laptop, 2025-11-21 2)")
    );
    assert_eq!(drive.at(RECOVERED, "a"), Some(sibling(2)));
    // In a trashed folder is in the trash.
    drive.done(&create(node(2), node(9), "b", 7));
    drive.done(&trash(node(9)));
    assert_eq!(drive.apply(&write(node(2), 7, 8)).outcome, recovered(8, "b"));
}

#[test]
fn a_create_in_a_folder_that_is_no_more_lands_in_recovered() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "dir"));
    drive.done(&trash(node(1)));
    let applied = drive.apply(&create(node(2), node(1), "a", 1));
    assert_eq!(applied.outcome, Outcome::Recovered(landing(node(2), "a")));
    // A folder too, so that what its author puts into it finds it.
    assert_eq!(
        drive.apply(&mkdir(node(3), node(1), "sub")).outcome,
        Outcome::Recovered(landing(node(3), "sub"))
    );
    drive.done(&create(node(4), node(3), "b", 2));
    // A file is no folder.
    assert_eq!(
        drive.apply(&mkdir(node(5), node(4), "x")).outcome,
        Outcome::Recovered(landing(node(5), "x"))
    );
}

#[test]
fn recovered_is_always_there_and_its_name_is_taken() {
    let mut drive = Drive::default();
    let applied = drive.apply(&mkdir(node(1), ROOT, "Recovered"));
    let name = "Recovered (conflict, laptop, 2025-11-21)";
    assert_eq!(applied.outcome, Outcome::Conflict(landing(node(1), name)));
    drive.done(&mkdir(node(2), RECOVERED, "Recovered"));
    for op in [
        trash(RECOVERED),
        restore(ROOT),
        purge(RECOVERED),
        relocate(ROOT, node(1), "x"),
        trash(ROOT),
    ] {
        drive.ignored(&op, Ignored::Fixed);
    }
    drive.ignored(&mkdir(RECOVERED, ROOT, "x"), Ignored::IdTaken);
}

#[test]
fn moves() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "a"));
    drive.done(&mkdir(node(2), node(1), "b"));
    drive.done(&mkdir(node(3), node(2), "c"));
    drive.done(&create(node(4), ROOT, "file", 1));
    for (to, why) in [
        (node(1), Ignored::Cycle),
        (node(3), Ignored::Cycle),
        (node(4), Ignored::NoFolder),
        (node(7), Ignored::NoFolder),
    ] {
        drive.ignored(&relocate(node(1), to, "x"), why);
    }
    drive.ignored(&relocate(node(7), ROOT, "x"), Ignored::NotLive);
    drive.done(&relocate(node(4), node(3), "renamed"));
    // To where it is.
    drive.done(&relocate(node(4), node(3), "renamed"));
    assert_eq!(drive.at(ROOT, "file"), None);
    drive.done(&create(node(5), ROOT, "renamed", 2));
    let applied = drive.apply(&relocate(node(4), ROOT, "renamed"));
    assert_eq!(
        applied.outcome,
        Outcome::Conflict(landing(node(4), "renamed (conflict, laptop, 2025-11-21)"))
    );
}

#[test]
fn of_two_moves_into_each_other_the_second_is_ignored() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "a"));
    drive.done(&mkdir(node(2), ROOT, "b"));
    drive.done(&relocate(node(1), node(2), "a"));
    drive.ignored(&relocate(node(2), node(1), "b"), Ignored::Cycle);
}

#[test]
fn trash_and_restore() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "dir"));
    drive.done(&create(node(2), node(1), "a", 1));
    drive.done(&trash(node(1)));
    assert_eq!(drive.head(node(1)).trashed, Some(3));
    assert_eq!(drive.head(node(2)).parent, node(1));
    drive.ignored(&trash(node(1)), Ignored::NotLive);
    drive.ignored(&trash(node(2)), Ignored::NotLive);
    drive.ignored(&restore(node(2)), Ignored::NotTrashed);
    drive.ignored(&relocate(node(2), ROOT, "a"), Ignored::NotLive);
    drive.ignored(
        &DriveOp::SetAttrs {
            node: node(2),
            attrs: ATTRS,
        },
        Ignored::NotLive,
    );
    // The name is free at once; who comes back yields.
    drive.done(&create(node(3), ROOT, "dir", 2));
    let back = "dir (conflict, laptop, 2025-11-21)";
    assert_eq!(
        drive.apply(&restore(node(1))).outcome,
        Outcome::Conflict(landing(node(1), back))
    );
    drive.done(&write(node(2), 1, 3));
}

#[test]
fn a_restore_into_the_trash_lands_in_recovered() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), ROOT, "dir"));
    drive.done(&create(node(2), node(1), "a", 1));
    drive.done(&trash(node(2)));
    drive.done(&trash(node(1)));
    assert_eq!(
        drive.apply(&restore(node(2))).outcome,
        Outcome::Recovered(landing(node(2), "a"))
    );
}

#[test]
fn old_versions_stay_until_purged() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.done(&write(node(1), 1, 2));
    let purge_version = |n| DriveOp::PurgeVersion {
        node: node(1),
        version: version(n),
    };
    drive.ignored(&purge_version(2), Ignored::Version);
    drive.ignored(&purge_version(3), Ignored::Version);
    let applied = drive.apply(&purge_version(1));
    assert_eq!(
        (applied.outcome, applied.removed),
        (Outcome::Done, vec![content(1)])
    );
    assert_eq!(drive.versions(node(1)), [version(2)]);
    drive.ignored(
        &DriveOp::PurgeVersion {
            node: node(4),
            version: version(1),
        },
        Ignored::NotLive,
    );
}

#[test]
fn only_its_author_moves_a_versions_pieces() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.done(&write(node(1), 1, 2));
    drive.done(&trash(node(1)));
    let repack = |n, content| DriveOp::Repack {
        node: node(1),
        version: version(n),
        content,
    };
    let applied = drive.apply(&repack(1, content(3)));
    assert_eq!(
        (applied.outcome, applied.removed),
        (Outcome::Done, vec![content(1)])
    );
    let moved = drive.state.version(node(1), version(1)).unwrap().unwrap();
    assert_eq!((moved.seq, moved.content), (1, content(3)));
    assert_eq!(drive.head(node(1)).changed, drive.seq);
    assert_eq!(drive.versions(node(1)), [version(1), version(2)]);

    // Another size, another key, another version, another file; a content without sense.
    drive.ignored(&repack(1, sized(4, 11)), Ignored::Content);
    let mut other = content(4);
    if let Chunks::Inline(chunks) = &mut other.chunks {
        chunks[0].key = ContentKey::from_bytes(&[3; 32]);
    }
    drive.ignored(&repack(1, other), Ignored::Content);
    let mut senseless = content(4);
    if let Chunks::Inline(chunks) = &mut senseless.chunks {
        chunks.clear();
    }
    drive.ignored(&repack(1, senseless), Ignored::Content);
    drive.ignored(&repack(9, content(4)), Ignored::Version);
    let elsewhere = DriveOp::Repack {
        node: node(2),
        version: version(1),
        content: content(4),
    };
    drive.ignored(&elsewhere, Ignored::NotLive);

    // Another account, which has all keys, and could have sealed anything under them.
    drive.seq += 1;
    let stranger = EntryMeta {
        account: AccountId([9; 32]),
        ..meta(drive.seq, drive.seq - 1)
    };
    let before = drive.state.clone();
    let applied = apply(&mut drive.state, &stranger, &repack(1, content(4))).unwrap();
    assert_eq!(applied, Applied::ignored(Ignored::Version));
    assert_eq!(drive.state, before);
}

#[test]
fn attributes_are_masked() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    let attrs = Attrs {
        mtime_s: -5,
        mtime_ns: u32::MAX,
        mode: u16::MAX,
    };
    drive.done(&DriveOp::SetAttrs { node: node(1), attrs });
    assert_eq!(
        drive.head(node(1)).attrs,
        Attrs {
            mtime_s: -5,
            mtime_ns: 999_999_999,
            mode: 0o777
        }
    );
}
