//! Attacks 13 and 54: what a person types, names and stores is nowhere in the clear: not on the wire, not on the server's disk, not in
//! its log. The operator reads along; TLS does not help here.

use std::fs;
use std::path::Path;

use crannog_agent_api::Request;
use crannog_testkit::{Device, Liar, PASSWORD, Site};
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, HEXLOWER};

const NAME: &str = "canary-name-bittern-41c9";
const FOLDER: &str = "canary-folder-grebe-90fe";
const DRIVE: &str = "canary-drive-dunlin-77ab";
const CONTENT: &str = "canary-content-curlew-5d2e-which-is-longer-than-a-few-bytes";
const MOVED: &str = "canary-moved-avocet-3f08";
const DEVICE: &str = "canary-device-teal-c0de";

/// All forms in which a text might leak.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Base64 of the same bytes has three shapes, by what stands before them; their inner parts are compared.
    let base64 = (0..3).map(|pad| {
        let padded = [&[0; 2][..pad], bytes].concat();
        let text = BASE64_NOPAD.encode(&padded);
        text.as_bytes()[4..text.len() - 4].to_vec()
    });
    let base32 = BASE32_NOPAD.encode(bytes).as_bytes()[..bytes.len()].to_vec();
    // Twelve letters of these are 60 bits and more; fewer would stand in random bytes by chance.
    let coded = base64.chain([base32]).filter(|form| form.len() >= 12);
    [
        bytes.to_vec(),
        HEXLOWER.encode(bytes).into_bytes(),
        HEXLOWER.encode(bytes).to_uppercase().into_bytes(),
        bytes.iter().rev().copied().collect(),
        wide,
    ]
    .into_iter()
    .chain(coded)
    .collect()
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return true;
        }
        from += at + 1;
    }
    false
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        found.push((
            format!("name of {}", path.display()),
            path.file_name().unwrap().as_encoded_bytes().to_vec(),
        ));
        if kind.is_dir() {
            files(&path, found);
        } else if kind.is_file() {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn attack_13_and_attack_54_canaries_are_nowhere() {
    let mut site = Site::start();
    let liar = Liar::before(&site).await;
    let (url, invite) = (liar.url(), site.invite().1);
    let (device, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let name = format!("/{FOLDER}/{NAME}.txt");
    device.mkdir(&format!("/{FOLDER}")).await.unwrap();
    device.put(&name, CONTENT.repeat(3).as_bytes()).await.unwrap();
    device
        .put(&name, CONTENT.repeat(100_000).as_bytes())
        .await
        .unwrap();
    device.create_drive(DRIVE).await.unwrap();
    let moved = Request::Move {
        from: vec![name.parse().unwrap()],
        to: format!("/{FOLDER}/{MOVED}").parse().unwrap(),
        dry_run: false,
    };
    device.perform(moved).await.unwrap();
    device.cat(&format!("/{FOLDER}/{MOVED}")).await.unwrap();
    let removed = Request::Remove {
        paths: vec![format!("/{FOLDER}").parse().unwrap()],
        recursive: true,
        dry_run: false,
    };
    device.perform(removed).await.unwrap();
    Device::recover(&url, "alice", &sheet.text, DEVICE)
        .await
        .unwrap()
        .close()
        .await;
    // Wrong words, wrong paths: errors speak too.
    device.put("/no-such/folder/x", b"x").await.unwrap_err();
    device.close().await;
    site.stop();

    let mut places = Vec::new();
    files(&site.data, &mut places);
    places.push(("the server's log".to_owned(), fs::read(&site.log).unwrap()));
    let heard = liar.heard();
    assert!(heard.len() > 20);
    for (at, exchange) in heard.iter().enumerate() {
        places.push((
            format!("request {at}, {}", exchange.ask.path),
            exchange.ask.wire(),
        ));
        places.push((
            format!("answer {at}, {}", exchange.ask.path),
            exchange.told.body.clone(),
        ));
    }
    // The search finds what is there: the account's name is no secret.
    assert!(places.iter().any(|(_, bytes)| find(bytes, b"alice")));

    let words: Vec<&str> = sheet.words.split_whitespace().collect();
    let mut canaries: Vec<String> = [NAME, FOLDER, DRIVE, CONTENT, MOVED, DEVICE, PASSWORD]
        .map(str::to_owned)
        .into();
    canaries.extend(words.windows(2).map(|pair| pair.join(" ")));
    canaries.push(sheet.words.clone());
    for canary in &canaries {
        for form in forms(canary) {
            for (place, bytes) in &places {
                assert!(!find(bytes, &form), "{canary:?} stands in {place}");
            }
        }
    }
}

/// The profile itself: names and contents lie in the encrypted database only (attack 54).
#[tokio::test]
async fn attack_54_nothing_lies_open_in_the_profile() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (device, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    device
        .put(&format!("/{NAME}"), CONTENT.repeat(1000).as_bytes())
        .await
        .unwrap();
    let Device {
        engine,
        profile,
        scratch,
    } = device;
    engine.close(true).await;
    let mut places = Vec::new();
    files(&profile, &mut places);
    for canary in [NAME, CONTENT, PASSWORD, &sheet.words, "alice"] {
        for (place, bytes) in &places {
            assert!(!find(bytes, canary.as_bytes()), "{canary:?} stands in {place}");
        }
    }
    drop(scratch);
}
