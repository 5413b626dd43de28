//! Canaries in names, contents, password and words sing nowhere: not on the server's disk, in its logs, on the wire, nor in what the
//! client leaves on its own disk (attacks 13, 38, 42, 54).

use std::path::Path;

use crannog_agent_api::{Request, Secret};
use crannog_testkit::{Device, Liar, PASSWORD, Site};

const NEW_PASSWORD: &str = "canary-second-password-5d0c22";

/// A canary in all the clothes that it could wear.
fn clothes(canary: &[u8]) -> Vec<Vec<u8>> {
    let hex = data_encoding::HEXLOWER.encode(canary).into_bytes();
    let mut all = vec![canary.to_vec(), hex];
    for skip in 0..3 {
        // Base64 at each alignment, without the characters that the neighbours decide.
        let rest = canary.get(skip..).unwrap();
        let whole = rest.get(..rest.len() / 3 * 3).unwrap();
        all.push(data_encoding::BASE64_NOPAD.encode(whole).into_bytes());
        all.push(data_encoding::BASE64URL_NOPAD.encode(whole).into_bytes());
    }
    all
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = haystack.get(from..).unwrap().iter().position(|byte| byte == first) {
        if haystack.get(from + at + 1..).unwrap().starts_with(rest) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// All bytes below a folder, names too.
fn bytes_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.extend(bytes_of(&path));
        } else if path.is_file() {
            let mut bytes = name.clone().into_bytes();
            bytes.extend(std::fs::read(&path).unwrap());
            found.push((name, bytes));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_heard_of_them() {
    let mut site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (device, sheet) = Device::join(&liar.url(), &invite, "public-name").await.unwrap();
    let mut canaries = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned(), sheet.words.clone()];
    let words: Vec<&str> = sheet.words.split(' ').collect();
    canaries.extend(words.windows(3).map(|three| three.join(" ")));
    let mut canary = |what: &str| {
        let text = format!("canary-{what}-{:016x}", rand::random::<u64>());
        canaries.push(text.clone());
        text
    };

    // Names, contents short and long, a link's target, a folder, a drive, a device; versions, trash, moves.
    let (name, folder, target) = (canary("name"), canary("folder"), canary("target"));
    let (content, long, old) = (canary("content"), canary("long"), canary("old"));
    device.local(&format!("tree/{folder}/{name}"), content.as_bytes());
    device.local("tree/long", long.repeat(200_000).as_bytes());
    std::os::unix::fs::symlink(&target, device.scratch.path().join("tree/link")).unwrap();
    device.put_tree(&device.scratch.path().join("tree"), "/").await.unwrap();
    device.put("/versioned", old.as_bytes()).await.unwrap();
    device.put("/versioned", b"new").await.unwrap();
    let moved = canary("moved");
    let path = |text: &str| text.parse().unwrap();
    device
        .perform(Request::Move {
            from: vec![path("/versioned")],
            to: path(&format!("/{moved}")),
            dry_run: false,
        })
        .await
        .unwrap();
    device
        .perform(Request::Remove {
            paths: vec![path(&format!("/{moved}"))],
            recursive: false,
            dry_run: false,
        })
        .await
        .unwrap();
    let drive = canary("drive");
    device.create_drive(&drive).await.unwrap();
    device
        .perform(Request::Passwd {
            old: Secret::new(PASSWORD.to_owned()),
            new: Secret::new(NEW_PASSWORD.to_owned()),
        })
        .await
        .unwrap();
    // Failing is talkative: wrong paths, missing blobs, a full tour of findings.
    let nowhere = canary("nowhere");
    device.cat(&format!("/{nowhere}")).await.unwrap_err();
    let device_name = canary("device");
    let second = Device::recover(&liar.url(), "public-name", &sheet.text, &device_name).await.unwrap();
    assert_eq!(second.cat(&format!("/{folder}/{name}")).await.unwrap(), content.as_bytes());
    second.verify_store().await.unwrap();
    let profile = device.profile.clone();
    device.engine.clone().close(true).await;
    second.close().await;
    site.stop();

    let mut places = bytes_of(&site.data);
    places.push(("the server's log".to_owned(), site.logged().into_bytes()));
    let wire = liar.heard();
    let exchanges = wire.len();
    for exchange in wire {
        let mut bytes = exchange.ask.wire();
        bytes.extend_from_slice(format!("{:?}", exchange.told.headers).as_bytes());
        bytes.extend_from_slice(&exchange.told.body);
        places.push((format!("the wire: {} {}", exchange.ask.method, exchange.ask.path), bytes));
    }
    places.extend(bytes_of(&profile));
    // The search finds what is there.
    assert!(places.iter().filter(|(_, bytes)| contains(bytes, b"public-name")).count() > 2);
    let total: usize = places.iter().map(|(_, bytes)| bytes.len()).sum();
    for canary in &canaries {
        for dressed in clothes(canary.as_bytes()) {
            for (place, bytes) in &places {
                assert!(!contains(bytes, &dressed), "{canary} was heard in {place}");
            }
        }
    }
    eprintln!(
        "canaries: {} of them, silent in {} files and exchanges ({exchanges} on the wire), {total} bytes",
        canaries.len(),
        places.len()
    );
}
