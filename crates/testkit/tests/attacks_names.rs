//! Attack 51: names and links from the drive stay inside the target folder and are no words for the terminal (CHK-023). The hostile
//! member writes with the client's own means: whatever those let through, another device must survive.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crannog_agent_api::{Code, Failure, Request};
use crannog_testkit::{Device, Site};

/// All that lies below a folder, links not followed.
fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            found.push(path.strip_prefix(folder).unwrap().display().to_string());
            if kind.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

async fn pair() -> (Site, Device, Device) {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (hostile, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let victim = Device::recover(&url, "alice", &sheet.words, "victim")
        .await
        .unwrap();
    hostile.sync().await.unwrap();
    (site, hostile, victim)
}

/// Links that lead out are written as links, and nothing is ever written through one: neither one from the drive nor a local one.
#[tokio::test]
async fn links_lead_nowhere() {
    let (_site, hostile, victim) = pair().await;
    let source = hostile.scratch.path().join("tree");
    fs::create_dir(&source).unwrap();
    symlink("../outside", source.join("up")).unwrap();
    symlink("/etc", source.join("absolute")).unwrap();
    hostile.put_tree(&source, "/").await.unwrap();
    victim.sync().await.unwrap();

    let outside = victim.scratch.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let target = victim.get("/", "target").await.unwrap();
    assert!(below(&outside).is_empty());
    for name in ["up", "absolute"] {
        let kind = fs::symlink_metadata(target.join(name));
        assert!(
            kind.is_err() || kind.unwrap().is_symlink(),
            "{name} is a link or nothing"
        );
    }

    // The link becomes a folder with a file in it; on the victim's disk the link still stands.
    let remove = Request::Remove {
        paths: vec!["/up".parse().unwrap()],
        recursive: true,
        dry_run: false,
    };
    hostile.perform(remove).await.unwrap();
    hostile.mkdir("/up").await.unwrap();
    hostile.put("/up/planted", b"planted").await.unwrap();
    victim.sync().await.unwrap();
    let again = Request::Get {
        sources: vec!["/up".parse().unwrap()],
        target: target.clone(),
        recursive: true,
        filter: crannog_agent_api::request::Filter::default(),
        dry_run: false,
        overwrite: true,
        limits: Default::default(),
    };
    let (answer, _, events) = victim.request(again).await;
    assert!(
        below(&outside).is_empty(),
        "written through a link: {answer:?} {events:?}"
    );
    // The honest twin: without the link the file arrives.
    let clean = victim.get("/up", "clean").await.unwrap();
    assert_eq!(fs::read(clean.join("planted")).unwrap(), b"planted");
}

/// Names that the client lets through, and what another device makes of them.
#[tokio::test]
async fn names_are_names() {
    let (_site, hostile, victim) = pair().await;
    let names = [
        "\u{1b}]0;owned\u{7}",
        "\u{1b}[2J",
        "line\nbreak",
        "-rf",
        "\u{202e}gpj.exe",
        "con",
        "a\\..\\b",
        "~",
        "$(id)",
        ".crannog-x.part",
    ];
    for name in names {
        hostile.put(&format!("/{name}"), name.as_bytes()).await.unwrap();
    }
    victim.sync().await.unwrap();
    let target = victim.get("/", "target").await.unwrap();
    let mut expected: Vec<String> = names.map(str::to_owned).into();
    expected.sort();
    assert_eq!(below(&target), expected, "each one file, right there");
    for name in names {
        assert_eq!(fs::read(target.join(name)).unwrap(), name.as_bytes());
        let outer = fs::read_dir(victim.scratch.path()).unwrap().count();
        assert_eq!(outer, 2, "the profile and the target");
    }
}

/// CHK-024: names that are too long for a disk, depth that is too great: refused by the writer, or survived by the reader. A long name is no
/// lie: she is told to choose a shorter one.
#[tokio::test]
async fn bombs_do_no_harm() {
    let (_site, hostile, victim) = pair().await;
    let long = "n".repeat(1_000);
    hostile.put(&format!("/{long}"), b"long").await.unwrap();
    hostile.put("/fine", b"fine").await.unwrap();
    let deep = vec!["d"; 120].join("/");
    let made = hostile.mkdir(&format!("/{deep}")).await;
    victim.sync().await.unwrap();
    let target = victim.scratch.path().join("target");
    let get = Request::Get {
        sources: vec!["/".parse().unwrap()],
        target: target.clone(),
        recursive: true,
        filter: crannog_agent_api::request::Filter::default(),
        dry_run: false,
        overwrite: false,
        limits: Default::default(),
    };
    let (answer, _, events) = victim.request(get).await;
    assert_eq!(
        fs::read(target.join("fine")).unwrap(),
        b"fine",
        "the rest comes: {answer:?}"
    );
    let told: Vec<Failure> = events
        .into_iter()
        .filter_map(|event| match event {
            crannog_agent_api::Event::Failed(failure) => Some(failure),
            _ => None,
        })
        .chain(answer.err())
        .collect();
    assert!(
        told.iter()
            .any(|failure| failure.code == Code::LocalIo && failure.object.as_deref() == Some(&*long)),
        "the long name is named: {told:?}, {made:?}"
    );
}
