//! Drives that appear in folders of others: a path goes through them as if there were one tree.

use std::collections::BTreeSet;
use std::fs;

use crannog_agent_api::answer::{Changed, NodeInfo, NodeKind, UsageRow};
use crannog_agent_api::request::{Filter, Only, PutSource};
use crannog_agent_api::{Answer, Code, Event, Failure, RemotePath, Request};
use crannog_core::drive::NodeId;
use crannog_core::identity::HomeOp;
use crannog_core::journal::Content;
use crannog_proto::{BlobId, Header, JournalId, decode};
use crannog_testkit::{Device, Insider, Liar, Route, Site};
use tokio::sync::mpsc;

/// An account with the drives `main` and `photos`, and an insider who says in home what is mounted where.
struct World {
    device: Device,
    insider: Insider,
    site: Site,
}

impl World {
    async fn new() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let insider = Insider::join(&url, &invite, "alice").await;
        let device = Device::recover(&url, "alice", &insider.sheet.words, "laptop")
            .await
            .unwrap();
        device.create_drive("main").await.unwrap();
        device.create_drive("photos").await.unwrap();
        Self {
            device,
            insider,
            site,
        }
    }

    /// A world whose folder `/photos` is the drive `photos`, with some files in both.
    async fn mounted() -> Self {
        let mut world = Self::new().await;
        let device = &world.device;
        device.mkdir("/photos").await.unwrap();
        device.put("/a.txt", b"outside").await.unwrap();
        device.put("photos:/x.jpg", b"inside").await.unwrap();
        device.mkdir("photos:/2024").await.unwrap();
        device.put("photos:/2024/y.jpg", b"deeper").await.unwrap();
        world.mount("photos", "/photos").await;
        world
    }

    fn journal(&self, name: &str) -> JournalId {
        let mut drives = self.insider.home_state.drives();
        drives.find(|drive| drive.name == Some(name)).unwrap().journal
    }

    /// Says in home that a drive appears at a path (`drive:/path`, or in `main`).
    async fn mount(&mut self, drive: &str, at: &str) {
        self.insider.sync().await;
        let path: RemotePath = at.parse().unwrap();
        let on = self.journal(path.drive.as_deref().unwrap_or("main"));
        let node = node_id(&stat(&self.device, at).await.unwrap().id);
        let op = HomeOp::Mount {
            journal: self.journal(drive),
            drive: on,
            node,
        };
        let home = self.insider.home.as_ref().unwrap();
        let ground = self.insider.ground(home);
        let sealed = self.insider.seal_on(&ground, Content::Home(vec![op]), Vec::new());
        self.insider.append(home.state.id(), &sealed).await;
        self.device.sync().await.unwrap();
    }

    /// Every blob that entries of a drive ever added.
    async fn blobs(&mut self, drive: &str) -> BTreeSet<BlobId> {
        self.insider.sync().await;
        let (id, home) = (self.journal(drive), &self.insider.home_state);
        let (_, _, epoch) = home.journals().find(|(journal, ..)| *journal == id).unwrap();
        let secrets = home.secrets(&id, epoch).unwrap().secrets(&id, epoch);
        let token = *secrets.read_token().expose_to_server();
        let page = self
            .insider
            .transport
            .entries(&id, &token, None, 512)
            .await
            .unwrap();
        let headers = page
            .entries
            .iter()
            .map(|stored| decode::<Header>(&stored.entry.header).unwrap());
        headers.flat_map(|header| header.adds).collect()
    }
}

fn node_id(hex: &str) -> NodeId {
    NodeId(
        data_encoding::HEXLOWER
            .decode(hex.as_bytes())
            .unwrap()
            .try_into()
            .unwrap(),
    )
}

fn remote(path: &str) -> RemotePath {
    path.parse().unwrap()
}

async fn stat(device: &Device, path: &str) -> Result<NodeInfo, Failure> {
    match device.perform(Request::Stat { path: remote(path) }).await? {
        Answer::Node(node) => Ok(node),
        other => panic!("{other:?}"),
    }
}

async fn names(device: &Device, path: &str) -> Vec<String> {
    let mut names: Vec<String> = device
        .list(path)
        .await
        .unwrap()
        .into_iter()
        .map(|node| node.path)
        .collect();
    names.sort();
    names
}

async fn changed(device: &Device, request: Request) -> Result<Changed, Failure> {
    match device.perform(request).await? {
        Answer::Changed(changed) => Ok(changed),
        other => panic!("{other:?}"),
    }
}

async fn copy(device: &Device, from: &str, to: &str) -> Result<Changed, Failure> {
    let request = Request::Copy {
        from: vec![remote(from)],
        to: remote(to),
        recursive: true,
        dry_run: false,
    };
    changed(device, request).await
}

async fn move_to(device: &Device, from: &str, to: &str) -> Result<Changed, Failure> {
    let request = Request::Move {
        from: vec![remote(from)],
        to: remote(to),
        dry_run: false,
    };
    changed(device, request).await
}

async fn remove(device: &Device, path: &str) -> Result<Changed, Failure> {
    let request = Request::Remove {
        paths: vec![remote(path)],
        recursive: true,
        dry_run: false,
    };
    changed(device, request).await
}

async fn usage(device: &Device, path: &str) -> Vec<UsageRow> {
    match device.perform(Request::Usage { path: remote(path) }).await {
        Ok(Answer::Usage(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_goes_through() {
    let world = World::mounted().await;
    let device = &world.device;
    let all = [
        "a.txt",
        "photos",
        "photos/2024",
        "photos/2024/y.jpg",
        "photos/x.jpg",
    ];
    assert_eq!(names(device, "/").await, all);
    assert_eq!(names(device, "/photos").await, ["2024", "2024/y.jpg", "x.jpg"]);
    assert_eq!(stat(device, "/photos").await.unwrap().kind, NodeKind::Dir);
    assert_eq!(stat(device, "/photos/x.jpg").await.unwrap().size, 6);
    assert_eq!(device.cat("/photos/2024/y.jpg").await.unwrap(), b"deeper");

    let find = Request::Find {
        path: remote("/"),
        pattern: "*.jpg".to_owned(),
        only: Only::default(),
    };
    let Ok(Answer::Nodes(found)) = device.perform(find).await else {
        panic!("find")
    };
    let mut found: Vec<String> = found.into_iter().map(|node| node.path).collect();
    found.sort();
    assert_eq!(found, ["/photos/2024/y.jpg", "/photos/x.jpg"]);

    let rows = usage(device, "/").await;
    let row = |path: &str| rows.iter().find(|row| row.path == remote(path)).unwrap();
    assert_eq!((row("/photos").files, row("/photos").bytes), (2, 12));
    assert_eq!((row("/").files, row("/").bytes), (3, 19));

    let got = device.get("/", "got").await.unwrap();
    assert_eq!(fs::read(got.join("photos/2024/y.jpg")).unwrap(), b"deeper");
    let inside = device.get("/photos", "inside").await.unwrap();
    assert_eq!(fs::read(inside.join("x.jpg")).unwrap(), b"inside");

    let nowhere = device.cat("/photos/none.jpg").await.unwrap_err();
    assert_eq!(nowhere.code, Code::NotFound);
    assert_eq!(nowhere.object.as_deref(), Some("/photos/none.jpg"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_go_through() {
    let world = World::mounted().await;
    let device = &world.device;
    device.put("/photos/new.jpg", b"new").await.unwrap();
    device.mkdir("/photos/2025/may").await.unwrap();
    assert_eq!(device.cat("photos:/new.jpg").await.unwrap(), b"new");
    assert!(names(device, "photos:/").await.contains(&"2025/may".to_owned()));
    let there = Request::Mkdir {
        paths: vec![remote("/photos")],
        parents: false,
        dry_run: false,
    };
    assert_eq!(device.perform(there).await.unwrap_err().code, Code::Conflict);

    // A folder that is put beside or around the mount goes into the drive that is mounted, each file once.
    device.local("tree/b.txt", b"beside");
    device.local("tree/photos/x.jpg", b"inside, changed");
    let tree = device.local("tree/photos/deep/z.jpg", b"z");
    let tree = tree.parent().unwrap().parent().unwrap().parent().unwrap();
    let put = device.put_tree(tree, "/").await.unwrap();
    assert_eq!((put.files, put.folders, put.failed), (3, 1, 0));
    assert_eq!(device.put_tree(tree, "/").await.unwrap().unchanged, 3);
    assert_eq!(device.cat("photos:/deep/z.jpg").await.unwrap(), b"z");
    assert_eq!(device.cat("photos:/x.jpg").await.unwrap(), b"inside, changed");
    assert_eq!(device.cat("/b.txt").await.unwrap(), b"beside");

    // Versions, the trash and back, all by the path.
    let Ok(Answer::Versions(versions)) = device
        .perform(Request::Versions {
            path: remote("/photos/x.jpg"),
        })
        .await
    else {
        panic!("versions")
    };
    assert_eq!(versions.len(), 2);
    let restore = Request::Restore {
        path: remote("/photos/x.jpg"),
        version: versions.last().unwrap().version.clone(),
        dry_run: false,
    };
    changed(device, restore).await.unwrap();
    assert_eq!(device.cat("/photos/x.jpg").await.unwrap(), b"inside");
    remove(device, "/photos/x.jpg").await.unwrap();
    assert_eq!(
        device.cat("photos:/x.jpg").await.unwrap_err().code,
        Code::NotFound
    );
    let back = Request::TrashRestore {
        drive: None,
        items: vec!["/photos/x.jpg".to_owned()],
        dry_run: false,
    };
    changed(device, back).await.unwrap();
    assert_eq!(device.cat("photos:/x.jpg").await.unwrap(), b"inside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_point_stays_in_its_drive() {
    let world = World::mounted().await;
    let device = &world.device;
    device.create_drive("other").await.unwrap();
    device.mkdir("/folder").await.unwrap();
    let share = remove(device, "/photos").await.unwrap_err();
    assert_eq!(
        (share.code, share.object.as_deref()),
        (Code::Conflict, Some("/photos"))
    );
    assert!(share.hint.unwrap().contains("crannog leave"));
    assert_eq!(
        move_to(device, "/photos", "other:/").await.unwrap_err().code,
        Code::Conflict
    );

    // Within its drive it goes wherever one likes, by itself or with the folder around it.
    let moved = move_to(device, "/photos", "/folder/pictures").await.unwrap();
    assert_eq!((moved.files, moved.folders), (0, 1));
    assert_eq!(device.cat("/folder/pictures/x.jpg").await.unwrap(), b"inside");
    move_to(device, "/folder", "/album").await.unwrap();
    assert_eq!(device.cat("/album/pictures/x.jpg").await.unwrap(), b"inside");
    assert_eq!(remove(device, "/album").await.unwrap_err().code, Code::Conflict);
    assert_eq!(
        move_to(device, "/album", "other:/").await.unwrap_err().code,
        Code::Conflict
    );

    // A copy of what is around it leaves it out and says so; a copy of itself is a copy of what it shows.
    device.put("/album/c.txt", b"c").await.unwrap();
    let request = Request::Copy {
        from: vec![remote("/album")],
        to: remote("other:/"),
        recursive: true,
        dry_run: false,
    };
    let (answer, _, events) = device.request(request).await;
    answer.unwrap();
    let notes: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Note(note) => Some(note.object),
            _ => None,
        })
        .collect();
    assert_eq!(notes, ["/album/pictures"]);
    assert_eq!(names(device, "other:/").await, ["album", "album/c.txt"]);
    copy(device, "/album/pictures", "other:/").await.unwrap();
    assert_eq!(device.cat("other:/pictures/2024/y.jpg").await.unwrap(), b"deeper");

    // Into the share and out of it.
    move_to(device, "/album/c.txt", "/album/pictures/").await.unwrap();
    assert_eq!(device.cat("photos:/c.txt").await.unwrap(), b"c");
    assert_eq!(device.cat("/album/c.txt").await.unwrap_err().code, Code::NotFound);
    move_to(device, "/album/pictures/2024", "/").await.unwrap();
    assert_eq!(device.cat("/2024/y.jpg").await.unwrap(), b"deeper");
    assert_eq!(names(device, "photos:/").await, ["c.txt", "x.jpg"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mounts_nest_and_a_circle_ends() {
    let mut world = World::mounted().await;
    world.device.create_drive("raw").await.unwrap();
    world.device.put("raw:/r.raw", b"raw").await.unwrap();
    world.mount("raw", "photos:/2024").await;
    let device = &world.device;
    assert_eq!(device.cat("/photos/2024/r.raw").await.unwrap(), b"raw");
    // What lay under the mount point has gone into what is mounted there.
    assert_eq!(
        names(device, "/").await,
        [
            "a.txt",
            "photos",
            "photos/2024",
            "photos/2024/r.raw",
            "photos/2024/y.jpg",
            "photos/x.jpg"
        ]
    );
    assert_eq!(usage(device, "/").await.last().unwrap().files, 4);
    device.local("in/photos/2024/s.raw", b"more raw");
    let tree = device.scratch.path().join("in");
    assert_eq!(device.put_tree(&tree, "/").await.unwrap().files, 1);
    assert_eq!(device.cat("raw:/s.raw").await.unwrap(), b"more raw");
    let got = device.get("/photos", "got").await.unwrap();
    assert_eq!(fs::read(got.join("2024/s.raw")).unwrap(), b"more raw");

    device.mkdir("raw:/again").await.unwrap();
    world.mount("main", "raw:/again").await;
    let device = &world.device;
    assert!(names(device, "/").await.contains(&"photos/2024/again".to_owned()));
    assert_eq!(usage(device, "/").await.last().unwrap().files, 5);
    device.get("/", "all").await.unwrap();
    let circle = device.cat("/photos/2024/again/a.txt").await.unwrap_err();
    assert_eq!(circle.code, Code::Conflict);
    assert_eq!(device.cat("raw:/again/a.txt").await.unwrap(), b"outside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_one_file_stands_for_it() {
    let mut world = World::new().await;
    world.device.put("/note.txt", b"").await.unwrap();
    world.mount("photos", "/note.txt").await;
    let device = &world.device;
    assert_eq!(stat(device, "/note.txt").await.unwrap().size, 0);
    let early = device.cat("/note.txt").await.unwrap_err();
    assert_eq!(early.code, Code::NotFound);
    assert!(early.message.contains("not there yet"));
    assert_eq!(usage(device, "/").await.last().unwrap().files, 0);

    device.put("photos:/shared.txt", b"first").await.unwrap();
    device.put("photos:/later.txt", b"not shown").await.unwrap();
    let node = stat(device, "/note.txt").await.unwrap();
    assert_eq!((node.size, node.versions), (5, 1));
    assert_eq!(names(device, "/").await, ["note.txt"]);
    device.put("/note.txt", b"second").await.unwrap();
    assert_eq!(device.cat("photos:/shared.txt").await.unwrap(), b"second");
    let local = device.local("note.txt", b"third, of a file");
    let put = Request::Put {
        sources: vec![PutSource {
            path: local,
            contents: false,
        }],
        target: remote("/"),
        recursive: false,
        filter: Filter::default(),
        dry_run: false,
        stdin: false,
        limits: Default::default(),
    };
    assert_eq!(changed(device, put).await.unwrap().files, 1);
    assert_eq!(
        device.cat("photos:/shared.txt").await.unwrap(),
        b"third, of a file"
    );
    let got = device.get("/", "got").await.unwrap();
    assert_eq!(fs::read(got.join("note.txt")).unwrap(), b"third, of a file");
    assert_eq!(
        remove(device, "/note.txt").await.unwrap_err().code,
        Code::Conflict
    );
    move_to(device, "/note.txt", "/renamed.txt").await.unwrap();
    assert_eq!(device.cat("/renamed.txt").await.unwrap(), b"third, of a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_shared_is_sealed_anew() {
    let mut world = World::new().await;
    let (url, invite) = world.site.invite();
    let (bob, _) = Device::join(&url, &invite, "bob").await.unwrap();
    world.device.create_drive("team").await.unwrap();
    let large: Vec<u8> = (0..9_000_000_u32).map(|at| (at % 251) as u8).collect();
    world.device.mkdir("team:/folder").await.unwrap();
    world.device.put("team:/folder/large", &large).await.unwrap();
    world.device.put("team:/folder/small", b"small").await.unwrap();
    world.device.put("team:/folder/empty", b"").await.unwrap();

    copy(&world.device, "team:/folder", "photos:/cited")
        .await
        .unwrap();
    let (team, photos) = (world.blobs("team").await, world.blobs("photos").await);
    assert!(
        !photos.is_empty() && photos.is_subset(&team),
        "one creator, never shared: the same blobs"
    );

    world
        .device
        .share("team:/", "bob", crannog_agent_api::request::Role::Reader)
        .await
        .unwrap();
    world.device.unshare("team:/", &["bob"]).await.unwrap();
    let report = copy(&world.device, "team:/folder", "photos:/anew").await.unwrap();
    assert_eq!((report.files, report.folders, report.bytes), (3, 1, 9_000_005));
    let anew = &world.blobs("photos").await - &photos;
    assert!(
        anew.len() >= 3 && anew.is_disjoint(&world.blobs("team").await),
        "other blobs"
    );
    for folder in ["photos:/cited", "photos:/anew"] {
        assert_eq!(world.device.cat(&format!("{folder}/large")).await.unwrap(), large);
        assert_eq!(
            world.device.cat(&format!("{folder}/small")).await.unwrap(),
            b"small"
        );
        assert_eq!(world.device.cat(&format!("{folder}/empty")).await.unwrap(), b"");
    }
    let plan = Request::Copy {
        from: vec![remote("team:/folder")],
        to: remote("photos:/third"),
        recursive: true,
        dry_run: true,
    };
    let plan = changed(&world.device, plan).await.unwrap().plan;
    assert!(plan.contains(&"cp photos:/third/large".to_owned()), "{plan:?}");
    bob.close().await;
}

/// What another device changes while a folder is moved out of the drive stays where it is, and is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_move_leaves_what_changed_meanwhile() {
    let world = World::new().await;
    let liar = Liar::before(&world.site).await;
    let words = world.insider.sheet.words.clone();
    let slow = Device::recover(&liar.url(), "alice", &words, "slow")
        .await
        .unwrap();
    let other = &world.device;
    for name in ["a", "b", "sub/c"] {
        other.mkdir("/folder/sub").await.unwrap();
        other
            .put(&format!("/folder/{name}"), name.as_bytes())
            .await
            .unwrap();
    }
    slow.sync().await.unwrap();
    let drives = slow.drives().await;
    let target: JournalId = drives
        .iter()
        .find(|drive| drive.name == "photos")
        .unwrap()
        .id
        .parse()
        .unwrap();
    let (on_its_way, mut is_on_its_way) = mpsc::unbounded_channel();
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let mut wait = Some(wait);
    liar.swallow(move |ask| {
        if ask.route() == Route::Append(target)
            && let Some(wait) = wait.take()
        {
            on_its_way.send(()).unwrap();
            wait.recv().unwrap();
        }
        None
    });
    let meanwhile = async {
        is_on_its_way.recv().await.unwrap();
        other.put("/folder/b", b"changed").await.unwrap();
        other.put("/folder/new", b"new").await.unwrap();
        let_go.send(()).unwrap();
    };
    let request = Request::Move {
        from: vec![remote("/folder")],
        to: remote("photos:/"),
        dry_run: false,
    };
    let ((answer, _, events), ()) = tokio::join!(slow.request(request), meanwhile);
    liar.repent();
    let Ok(Answer::Changed(moved)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(moved.failed, 2);
    let mut named: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Failed(failure) => failure.object,
            _ => None,
        })
        .collect();
    named.sort();
    assert_eq!(named, ["/folder/b", "/folder/new"]);
    other.sync().await.unwrap();
    assert_eq!(names(other, "/").await, ["folder", "folder/b", "folder/new"]);
    assert_eq!(
        names(other, "photos:/").await,
        ["folder", "folder/a", "folder/b", "folder/sub", "folder/sub/c"]
    );
    assert_eq!(other.cat("/folder/b").await.unwrap(), b"changed");
    assert_eq!(other.cat("photos:/folder/b").await.unwrap(), b"b");
}
