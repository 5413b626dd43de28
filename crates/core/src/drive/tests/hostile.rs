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

/// Counts how often a name is looked up.
#[derive(Default)]
struct Counting {
    state: MemoryDrive,
    looks: std::cell::Cell<usize>,
}

impl DriveState for Counting {
    type Error = std::convert::Infallible;

    fn child(&self, parent: NodeId, name: &str) -> Result<Option<NodeId>, Self::Error> {
        self.looks.set(self.looks.get() + 1);
        self.state.child(parent, name)
    }

    fn head(&self, node: NodeId) -> Result<Option<Head>, Self::Error> {
        self.state.head(node)
    }

    fn children(&self, parent: NodeId) -> Result<Vec<NodeId>, Self::Error> {
        self.state.children(parent)
    }

    fn has_version(&self, node: NodeId, version: VersionId) -> Result<bool, Self::Error> {
        self.state.has_version(node, version)
    }

    fn version(&self, node: NodeId, version: VersionId) -> Result<Option<Version>, Self::Error> {
        self.state.version(node, version)
    }

    fn versions(&self, node: NodeId) -> Result<Vec<Version>, Self::Error> {
        self.state.versions(node)
    }

    fn gone(&self, node: NodeId) -> Result<Option<u64>, Self::Error> {
        self.state.gone(node)
    }

    fn changed(&self, after: u64, to: u64) -> Result<Vec<NodeId>, Self::Error> {
        self.state.changed(after, to)
    }

    fn put(&mut self, head: Head) -> Result<(), Self::Error> {
        self.state.put(head)
    }

    fn add_version(&mut self, node: NodeId, version: Version) -> Result<(), Self::Error> {
        self.state.add_version(node, version)
    }

    fn move_version(
        &mut self,
        node: NodeId,
        version: VersionId,
        device: DeviceId,
        content: Content,
    ) -> Result<(), Self::Error> {
        self.state.move_version(node, version, device, content)
    }

    fn remove_version(&mut self, node: NodeId, version: VersionId) -> Result<Option<Content>, Self::Error> {
        self.state.remove_version(node, version)
    }

    fn remove(&mut self, node: NodeId, seq: u64) -> Result<Vec<Content>, Self::Error> {
        self.state.remove(node, seq)
    }

    fn forget(&mut self, through: u64) -> Result<(), Self::Error> {
        self.state.forget(through)
    }
}

impl Counting {
    /// One entry.
    fn entry(&mut self, seq: u64, seen: u64, ops: &[DriveOp]) {
        for (index, op) in (0..).zip(ops) {
            let meta = EntryMeta {
                index,
                ..meta(seq, seen)
            };
            let applied = apply(self, &meta, op).unwrap();
            assert!(
                !matches!(applied.outcome, Outcome::Ignored(_)),
                "{op:?}: {applied:?}"
            );
        }
    }
}

/// CHK-024: how many want a name does not make one of them dear: neither one by one, nor in a single Purge, nor where names were made ready.
#[test]
fn chk_024_many_of_one_name_cost_a_few_looks_each() {
    let many = 3_000_u64;
    let id = |kind: u8, n: u64| {
        let mut id = [kind; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        NodeId(id)
    };
    let mut drive = Counting::default();
    let bounded = |drive: &Counting, ops: u64| {
        let looks = drive.looks.take() as u64;
        assert!(looks <= ops * 12, "{looks} looks for {ops} operations");
    };
    let same: Vec<DriveOp> = (0..many).map(|n| create(id(1, n), ROOT, "a.txt", n)).collect();
    drive.entry(1, 0, &same);
    bounded(&drive, many);

    // One that comes and goes, and finds everything taken.
    let mut ops = vec![mkdir(node(7), ROOT, "away")];
    ops.extend((0..many).map(|n| relocate(id(1, 5), [ROOT, node(7)][(n % 2) as usize], "a.txt")));
    drive.entry(2, 1, &ops);
    bounded(&drive, many);
    // Names made ready for it hold up one placing each.
    let ready = |n: u64| match n {
        1 => format!("a (conflict, laptop, 2025-11-21 4-0-{}).txt", id(1, 5)),
        n => format!("a (conflict, laptop, 2025-11-21 4-0-{} {n}).txt", id(1, 5)),
    };
    let traps: Vec<DriveOp> = (1..many).map(|n| create(id(2, n), ROOT, &ready(n), n)).collect();
    drive.entry(3, 2, &traps);
    drive.looks.take();
    let back: Vec<DriveOp> = (0..many)
        .map(|n| relocate(id(1, 5), [ROOT, node(7)][(n % 2) as usize], "a.txt"))
        .collect();
    drive.entry(4, 3, &back);
    bounded(&drive, 2 * many);

    // Changed in the trash, so that a Purge by one who has not seen it spares them all at once.
    let top = node(8);
    let mut ops = vec![mkdir(top, ROOT, "top")];
    for n in 0..many {
        ops.push(mkdir(id(3, n), top, &n.to_string()));
        ops.push(create(id(4, n), id(3, n), "same", 2 * n));
        ops.push(write(id(4, n), 2 * n, 2 * n + 1));
    }
    ops.push(trash(top));
    drive.entry(5, 4, &ops);
    let changes: Vec<DriveOp> = (0..many)
        .map(|n| DriveOp::PurgeVersion {
            node: id(4, n),
            version: version(2 * n),
        })
        .collect();
    drive.entry(6, 5, &changes);
    drive.looks.take();
    drive.entry(7, 5, &[purge(top)]);
    bounded(&drive, many);
    assert_eq!(
        drive.state.children(NodeId::RECOVERED).unwrap().len() as u64,
        many
    );
    check_invariants(&drive.state);
}

#[test]
fn ids_of_others() {
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
