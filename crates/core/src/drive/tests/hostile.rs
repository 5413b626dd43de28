//! Operations of a member who means harm, or whose client is broken. CHK-003, CHK-023, CHK-024.

use super::*;

const ROOT: NodeId = NodeId::ROOT;

/// CHK-023
#[test]
fn chk_023_senseless_names() {
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "../../etc/passwd",
        "nul\0",
        &"x".repeat(1_025),
        &"x".repeat(65_536),
    ] {
        let mut drive = Drive::default();
        drive.done(&create(node(1), ROOT, "good", 1));
        // Content never vanishes.
        let applied = drive.apply(&create(node(2), ROOT, name, 2));
        assert_eq!(applied.outcome, Outcome::Recovered(landing(node(2), "recovered")));
        drive.ignored(&mkdir(node(3), ROOT, name), Ignored::Name);
        drive.ignored(&relocate(node(1), ROOT, name), Ignored::Name);
    }
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "good", 1));
    drive.done(&relocate(node(1), ROOT, "even better"));
}

#[test]
fn names_of_the_greatest_length_can_conflict() {
    let mut drive = Drive::default();
    let name = "ü".repeat(512);
    drive.done(&create(node(1), ROOT, &name, 1));
    for n in 2..40 {
        let Outcome::Conflict(landing) = drive.apply(&create(node(n), ROOT, &name, n.into())).outcome else {
            panic!("no conflict");
        };
        assert!(landing.name.len() <= NAME_MAX);
    }
}

#[test]
fn ids_that_are_or_were() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    drive.ignored(&create(node(1), ROOT, "b", 2), Ignored::IdTaken);
    drive.ignored(&write(node(1), 1, 1), Ignored::IdTaken);
    let fixed = DriveOp::Write {
        node: node(1),
        base: version(1),
        version: VersionId(ROOT.0),
        attrs: ATTRS,
        content: content(3),
    };
    drive.ignored(&fixed, Ignored::IdTaken);
    // A conflict's id is the version's; one of that id is there already.
    drive.done(&create(NodeId(version(9).0), ROOT, "c", 8));
    drive.ignored(&write(node(1), 7, 9), Ignored::IdTaken);
}

/// CHK-024: an operation with a content that cannot be is none.
#[test]
fn chk_024_senseless_contents_and_links() {
    let mut drive = Drive::default();
    drive.done(&create(node(1), ROOT, "a", 1));
    let bad = Content {
        size: u64::MAX,
        ..content(2)
    };
    let new = NewNode::File {
        version: version(2),
        content: bad.clone(),
    };
    let op = DriveOp::Create {
        node: node(2),
        parent: ROOT,
        name: "b".into(),
        attrs: ATTRS,
        new,
    };
    drive.ignored(&op, Ignored::Content);
    let op = DriveOp::Write {
        node: node(1),
        base: version(1),
        version: version(2),
        attrs: ATTRS,
        content: bad,
    };
    drive.ignored(&op, Ignored::Content);
    for target in [Vec::new(), b"a\0b".to_vec(), vec![b'x'; 4_097]] {
        let new = NewNode::Symlink { target };
        let op = DriveOp::Create {
            node: node(3),
            parent: ROOT,
            name: "l".into(),
            attrs: ATTRS,
            new,
        };
        drive.ignored(&op, Ignored::Content);
    }
    let new = NewNode::File {
        version: version(3),
        content: Content {
            size: 0,
            chunks: Chunks::Inline(Vec::new()),
        },
    };
    drive.done(&DriveOp::Create {
        node: node(4),
        parent: ROOT,
        name: "empty".into(),
        attrs: ATTRS,
        new,
    });
}

/// A chain of folders costs its author, not everyone: below the bound nothing is live, and nothing loops.
#[test]
fn folders_beyond_the_greatest_depth() {
    let id = |n: usize| {
        let mut id = [9; 16];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        NodeId(id)
    };
    let mut state = MemoryDrive::new();
    let mut parent = ROOT;
    for n in 0..MAX_DEPTH {
        let op = mkdir(id(n), parent, "d");
        assert_eq!(
            apply(&mut state, &meta(1, 0), &op).unwrap().outcome,
            Outcome::Done,
            "{n}"
        );
        parent = id(n);
    }
    assert!(is_live(&state, parent).unwrap());
    let op = mkdir(id(MAX_DEPTH), parent, "d");
    assert_eq!(
        apply(&mut state, &meta(1, 0), &op).unwrap().outcome,
        Outcome::Done
    );
    assert!(!is_live(&state, id(MAX_DEPTH)).unwrap());
    let op = create(node(1), id(MAX_DEPTH), "a", 1);
    let applied = apply(&mut state, &meta(1, 0), &op).unwrap();
    assert_eq!(applied.outcome, Outcome::Recovered(landing(node(1), "a")));
    // Moved up, it is live again.
    let op = relocate(id(1), ROOT, "up");
    assert_eq!(
        apply(&mut state, &meta(2, 1), &op).unwrap().outcome,
        Outcome::Done
    );
    assert!(is_live(&state, id(MAX_DEPTH)).unwrap());
}
