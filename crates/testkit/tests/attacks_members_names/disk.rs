//! Links, modes, times and depths: what alice gets lies where she wanted it, and nothing else changes (CHK-023).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId, VersionId};

use crate::bin::Done;
use crate::full;
use crate::mallory::{Said, TOP, World, create, empty, file, folder, link, node, relocate, version};
use crate::terminal::hostile;

/// Everything below a folder but one: kind, mode, owner, time, bytes or target.
fn picture(folder: &Path, without: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let kind = fs::symlink_metadata(&path).unwrap();
        let mut shown = format!(
            "{:o} {} {} {}",
            kind.mode(),
            kind.uid(),
            kind.mtime(),
            kind.mtime_nsec()
        );
        if kind.is_dir() && path != without {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if kind.is_symlink() {
            shown.push_str(&format!(" {:?}", fs::read_link(&path).unwrap()));
        } else if kind.is_file() {
            shown.push_str(&format!(" {:?}", fs::read(&path).unwrap()));
        }
        // What is made in the folder changes its own time.
        if path != without {
            all.insert(path, shown);
        }
    }
    all
}

/// A home around an empty folder: what lies there must stay as it is.
struct Around {
    home: PathBuf,
    target: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Around {
    fn new(world: &World) -> Self {
        let home = world.folder("around");
        let target = home.join("a").join("target");
        fs::create_dir_all(&target).unwrap();
        fs::create_dir(home.join("a").join("outside")).unwrap();
        for name in ["x", "secret", "a/x", "a/outside/x", "a/honest.txt"] {
            fs::write(home.join(name), format!("hers: {name}")).unwrap();
        }
        std::os::unix::fs::symlink("../secret", home.join("a").join("hers")).unwrap();
        let before = picture(&home, &target);
        Self { home, target, before }
    }

    /// Nothing around the target changed, and in it is nothing that acts for somebody else.
    #[track_caller]
    fn unchanged(&self) {
        assert_eq!(picture(&self.home, &self.target), self.before);
        let mut open = vec![self.target.clone()];
        while let Some(path) = open.pop() {
            let kind = fs::symlink_metadata(&path).unwrap();
            if !kind.is_symlink() {
                assert_eq!(kind.mode() & 0o7000, 0, "{path:?} acts for somebody else");
                assert_eq!(kind.mode() & 0o022, 0, "{path:?}: the umask counts");
            }
            // Not everyone may look into a folder of no mode.
            if let (true, Ok(entries)) = (kind.is_dir(), fs::read_dir(&path)) {
                open.extend(entries.map(|entry| entry.unwrap().path()));
            }
        }
    }

    fn target(&self) -> &str {
        self.target.to_str().unwrap()
    }
}

fn with_attrs(mut op: DriveOp, new: Attrs) -> DriveOp {
    if let DriveOp::Create { attrs, .. } = &mut op {
        *attrs = new;
    }
    op
}

/// Ids as a part of a file on its way is called by.
fn file_with(parent: NodeId, name: &str, id: NodeId, version: VersionId) -> DriveOp {
    let content = empty();
    create(id, parent, name, NewNode::File { version, content })
}

/// All that she can put there, got twice, and once more over what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_023_a_get_changes_nothing_around_it() {
    let mut world = World::new().await;
    let around = Around::new(&world);
    let content = world.mallory.content(b"planted").await;
    let mut ops = Vec::new();
    // Links that lead out, and then everything that could be put through them.
    let targets: Vec<Vec<u8>> = [
        around.home.as_os_str().as_bytes(),
        around.home.join("a/outside").as_os_str().as_bytes(),
        b"/etc/passwd",
        b"/etc",
        b"..",
        b".",
        b"../outside",
        b"../outside/x",
        b"../../x",
        b"../../../../../../../../../../etc",
        b"/proc/self/fd/1",
        b"\xff\xfe\x1b]0;owned\x07",
        &[b'y'; 4_095],
        &[b'z'; 4_096],
        b"link 0",
    ]
    .map(<[u8]>::to_vec)
    .into();
    let mut doors = Vec::new();
    for (nth, target) in targets.iter().enumerate() {
        let (door, op) = link(TOP, &format!("link {nth}"), target);
        ops.push(op);
        // Below the link itself, in a folder of the link's name, in one that is moved to it.
        ops.push(file(door, "x", &content));
        let (same, op) = folder(TOP, &format!("link {nth}"));
        ops.extend([op, file(same, "x", &content)]);
        let (other, op) = folder(TOP, &format!("other {nth}"));
        ops.extend([op, file(other, "x", &content), relocate(other, door, "x")]);
        doors.push(door);
    }
    // What is on its way lies in files of these names; what stands there must not be written through, nor lost.
    let (id, first) = (node(), version());
    let part = format!(".crannog-{id}-{first}.part");
    ops.push(link(TOP, &part, b"../outside/x").1);
    ops.push(file_with(TOP, "behind a part", id, first));
    let (other, op) = link(TOP, "behind a link", b"../../x");
    ops.push(op);
    ops.push(file(TOP, &format!(".crannog-{other}.link"), &content));
    // Modes and times that no file has.
    let odd = [
        (u16::MAX, i64::MAX, u32::MAX),
        (0o4777, i64::MIN, 1_000_000_000),
        (0o2777, i64::MAX - 1, 999_999_999),
        (0o1777, -1, 0),
        (0o6755, 1 << 33, 1),
        (0, 0, 0),
    ];
    for (nth, (mode, mtime_s, mtime_ns)) in odd.into_iter().enumerate() {
        let attrs = Attrs {
            mtime_s,
            mtime_ns,
            mode,
        };
        ops.push(with_attrs(file(TOP, &format!("odd {nth}"), &content), attrs));
        let (id, op) = folder(TOP, &format!("odd folder {nth}"));
        ops.push(with_attrs(op, attrs));
        ops.push(with_attrs(file(id, "in it", &content), attrs));
        ops.push(with_attrs(link(TOP, &format!("odd link {nth}"), b"odd").1, attrs));
    }
    ops.extend(hostile().iter().map(|name| file(TOP, name, &content)));
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);

    let get = |more: &[&str]| {
        let words = [&["get", "-r"], more, &["/photos/", around.target()]].concat();
        let inner = world.alice.command(words);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "umask 022; exec \"$@\"", "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Done::new(&command.output().unwrap())
    };
    let done = get(&[]);
    around.unchanged();
    // What cannot be is named; the rest came.
    assert!([0, 3].contains(&done.code), "{done:?}");
    let honest = around.target.join("honest.txt");
    assert_eq!(fs::read_to_string(&honest).unwrap(), "honest");
    for name in hostile()
        .iter()
        .filter(|name| name.len() <= 255 && *name != "Recovered")
    {
        assert_eq!(
            fs::read(around.target.join(name)).unwrap(),
            b"planted",
            "{name:?}"
        );
    }
    let left_behind: Vec<_> = fs::read_dir(&around.target)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.as_bytes().starts_with(b".crannog-") && *name != *".crannog-x.part")
        .filter(|name| name.to_str() != Some(&part))
        .filter(|name| *name != *format!(".crannog-{other}.link"))
        .collect();
    assert!(left_behind.is_empty(), "{left_behind:?}");
    get(&[]);
    around.unchanged();
    get(&["--overwrite"]);
    around.unchanged();

    // Each link becomes a folder with a file in it; on alice's disk the link still stands.
    let mut ops = Vec::new();
    for (nth, door) in doors.into_iter().enumerate() {
        ops.push(DriveOp::Trash { node: door });
        let (id, op) = folder(TOP, &format!("link {nth}"));
        let (below, deeper) = folder(id, "outside");
        ops.extend([op, deeper, file(id, "x", &content), file(below, "x", &content)]);
    }
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);
    for more in [&[][..], &["--overwrite"]] {
        get(more);
        around.unchanged();
    }
    // And back: folders on alice's disk, links in the share.
    let clean = world.folder("clean");
    world
        .alice
        .run(["get", "-r", "/photos/", clean.to_str().unwrap()]);
    assert_eq!(fs::read(clean.join("link 0").join("x")).unwrap(), b"planted");
    let listed = world.alice.ok(["ls", "/photos"]);
    let mut ops = Vec::new();
    for found in listed.as_array().unwrap() {
        let name = found["path"].as_str().unwrap();
        if name.starts_with("link ") && !name.contains("conflict") && found["kind"] == "dir" {
            let id = data_encoding::HEXLOWER
                .decode(found["id"].as_str().unwrap().as_bytes())
                .unwrap();
            ops.push(DriveOp::Trash {
                node: NodeId(id.try_into().unwrap()),
            });
            let outside = around.home.join("a/outside");
            ops.push(link(TOP, name, outside.as_os_str().as_bytes()).1);
        }
    }
    assert_eq!(ops.len(), 30);
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);
    for more in [&[][..], &["--overwrite"]] {
        let words = [&["get", "-r"], more, &["/photos/", clean.to_str().unwrap()]].concat();
        world.alice.run(words);
        assert!(fs::symlink_metadata(clean.join("link 0")).unwrap().is_dir());
        around.unchanged();
    }
    world.unharmed();
}

/// A link by itself, a file by itself: they become what they are, where alice says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_023_one_thing_at_a_time() {
    let mut world = World::new().await;
    let around = Around::new(&world);
    let content = world.mallory.content(b"planted").await;
    world
        .mallory
        .post(vec![
            link(TOP, "door", b"../outside").1,
            link(TOP, "to x", b"../outside/x").1,
            file(TOP, "x", &content),
            file(TOP, "..\\x", &content),
        ])
        .await;
    world.alice.ok(["sync"]);
    let in_target = |name: &str| around.target.join(name).to_str().unwrap().to_owned();
    for (from, to) in [
        ("/photos/door", around.target().to_owned()),
        ("/photos/to x", in_target("x")),
        ("/photos/x", in_target("door/x")),
        ("/photos/x", in_target("x")),
        ("/photos/..\\x", around.target().to_owned()),
    ] {
        for overwrite in [false, true] {
            let mut words = vec!["get", from, &to];
            words.extend(overwrite.then_some("--overwrite"));
            let through = to.ends_with("door/x");
            if through {
                // Alice herself names a path through the link: her own wish, but not into a place that she did not look at.
                continue;
            }
            world.alice.run(&words);
            around.unchanged();
        }
    }
    assert!(
        fs::symlink_metadata(around.target.join("door"))
            .unwrap()
            .is_symlink()
    );
    assert!(
        fs::symlink_metadata(around.target.join("x"))
            .unwrap()
            .is_symlink()
    );
    // What a link leads to is not read either.
    world.alice.run(["cat", "/photos/door"]).must_fail(2, "usage");
    world.unharmed();
}

/// Deeper than the fold and the disk can go, and in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_depths_and_circles() {
    let mut world = World::new().await;
    let around = Around::new(&world);
    // From the 1,025th level on nothing is live.
    let levels = if full() { 100_000 } else { 10_000 };
    let mut ops = Vec::new();
    let mut parent = TOP;
    let mut chain = Vec::new();
    for _ in 0..levels {
        let (id, op) = folder(parent, "d");
        ops.push(op);
        chain.push(id);
        parent = id;
    }
    world.mallory.post(ops).await;
    // A circle, by every way there is.
    let [(a, make_a), (b, make_b), (c, make_c)] = ["a", "b", "c"].map(|name| folder(TOP, name));
    world
        .mallory
        .post(vec![
            make_a,
            make_b,
            make_c,
            relocate(b, a, "b"),
            relocate(c, b, "c"),
            relocate(a, c, "a"),
            relocate(a, a, "a"),
            relocate(a, b, "a"),
            relocate(TOP, a, "top"),
            relocate(NodeId::RECOVERED, a, "recovered"),
            DriveOp::Trash { node: c },
            relocate(a, c, "a"),
            DriveOp::Restore { node: c },
            // The long chain joined at its ends, and hung up below itself.
            relocate(chain[0], chain[500], "d"),
            relocate(chain[0], chain[chain.len() - 1], "d"),
            relocate(chain[600], chain[100], "moved"),
        ])
        .await;
    // A circle of two that each alone is none: both moved by one who has not seen the other.
    let seen = world.mallory.look().await;
    let [(p, make_p), (q, make_q)] = ["p", "q"].map(|name| folder(TOP, name));
    let said = Said::default();
    world.mallory.say_on(seen, vec![make_p, make_q], &said).await;
    world.mallory.say_on(seen, vec![relocate(p, q, "p")], &said).await;
    world.mallory.say_on(seen, vec![relocate(q, p, "q")], &said).await;
    // Very long names as deep as one can go.
    let mut ops = Vec::new();
    let mut parent = TOP;
    for _ in 0..1_000 {
        let (id, op) = folder(parent, &"l".repeat(255));
        ops.push(op);
        parent = id;
    }
    ops.push(file(parent, "bottom", &empty()));
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);
    for words in [
        &["ls", "/photos"][..],
        &["du", "/photos"],
        &["find", "/photos", "bottom"],
        &["ls", "-R", "/photos"],
        &["tree", "/photos"],
        &["log", "/photos"],
        &["trash", "list"],
        &["doctor"],
        &["get", "-r", "--dry-run", "/photos/", around.target()],
        &["get", "-r", "/photos/", around.target()],
        &["rm", "-r", "/photos/a"],
    ] {
        let done = world.alice.run(words);
        // What is too much for one answer is refused in words.
        let refused = done.error() == "other" && ["ls", "tree"].contains(&words[0]);
        assert!(
            [0, 3].contains(&done.code) || refused,
            "{words:?}: {:.2000}",
            format!("{done:?}")
        );
    }
    around.unchanged();
    assert_eq!(fs::read(around.target.join("honest.txt")).unwrap(), b"honest");
    let long = fs::metadata(around.target.join("l".repeat(255))).unwrap();
    assert_eq!(long.mode() & 0o777, 0o755);
    world.unharmed();
}
