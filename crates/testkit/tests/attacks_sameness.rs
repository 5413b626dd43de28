//! What a server could compare: keys, nonces and blobs of equal things, and their sizes (attacks 24, 25, 38, 45, 47, 48).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crannog_proto::api::Append;
use crannog_proto::{Header, decode, padme};
use crannog_testkit::{Device, Exchange, Liar, Route, Site};

/// Everything that devices sent of content: blobs, and sealed bodies.
struct Sent {
    blobs: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
}

fn sent(heard: &[Exchange]) -> Sent {
    let mut sent = Sent {
        blobs: Vec::new(),
        bodies: Vec::new(),
    };
    for exchange in heard {
        match exchange.ask.route() {
            Route::Put(..) => sent.blobs.push(exchange.ask.body.to_vec()),
            Route::Append(_) => {
                let append: Append = decode(&exchange.ask.body).unwrap();
                for entry in append.entries {
                    let header: Header = decode(&entry.header).unwrap();
                    assert_eq!(header.body.len as usize, entry.body.len());
                    sent.bodies.push(entry.body);
                }
            }
            _ => {}
        }
    }
    sent
}

/// Windows of 32 bytes that stand in more than one of these.
fn shared_windows(boxes: &[Vec<u8>]) -> usize {
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    let mut shared = 0;
    // The first 10 bytes of a box are the parameters of its kind, the same in all.
    for (at, bytes) in boxes.iter().enumerate() {
        for window in bytes.get(10..).unwrap_or_default().chunks_exact(32) {
            if seen.insert(window, at).is_some_and(|other| other != at) {
                shared += 1;
            }
        }
    }
    shared
}

async fn world() -> (Site, Liar, Device, Device) {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (alice, _) = Device::join(&liar.url(), &site.invite().1, "alice")
        .await
        .unwrap();
    let (bob, _) = Device::join(&liar.url(), &site.invite().1, "bobby")
        .await
        .unwrap();
    liar.heard();
    (site, liar, alice, bob)
}

fn content(len: u32) -> Vec<u8> {
    (0..len)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// The same name and content, twice by one account and once by another: attack 24, attack 38 and attack 48. No blob, no FLOE header (so
/// no key with its nonce), and no run of ciphertext is there twice.
#[tokio::test]
async fn equal_things_share_nothing() {
    let (site, liar, alice, bob) = world().await;
    let same = content(5_000_000);
    alice.put("/secret-plans.pdf", &same).await.unwrap();
    alice.put("/copy-of-secret-plans.pdf", &same).await.unwrap();
    bob.put("/secret-plans.pdf", &same).await.unwrap();
    // Chunks of zeros, many times the same within one file.
    alice.put("/zeros", &vec![0; 12 << 20]).await.unwrap();
    let heard = liar.heard();
    let sent = sent(&heard);
    assert!(sent.blobs.len() >= 3 + 3 && sent.bodies.len() >= 4);
    let boxes: Vec<Vec<u8>> = sent.blobs.iter().chain(&sent.bodies).cloned().collect();
    let headers: HashSet<&[u8]> = boxes.iter().map(|sealed| &sealed[10..42]).collect();
    assert_eq!(headers.len(), boxes.len(), "each box has an IV of its own");
    // Sampled at every 32 bytes: equal boxes or equal streams would meet.
    assert_eq!(shared_windows(&boxes), 0);
    let mut ids: Vec<String> = Vec::new();
    for exchange in &heard {
        if let Route::Put(_, id) = exchange.ask.route() {
            ids.push(id.to_string());
        }
    }
    let unique: HashSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "no blob was named twice");
    assert_eq!(bob.cat("/secret-plans.pdf").await.unwrap(), same);
    drop(site);
}

/// Attack 25: two versions that differ in their last byte share no ciphertext of that chunk, at no place.
#[tokio::test]
async fn attack_25_two_versions_of_the_last_chunk() {
    let (_site, liar, alice, _) = world().await;
    let mut bytes = content(1_000_000);
    alice.put("/diary", &bytes).await.unwrap();
    let first = sent(&liar.heard());
    *bytes.last_mut().unwrap() ^= 1;
    alice.put("/diary", &bytes).await.unwrap();
    let second = sent(&liar.heard());
    for one in &first.blobs {
        for other in &second.blobs {
            let same = one.iter().zip(other).skip(10).filter(|(a, b)| a == b).count();
            // By chance every 256th byte is equal.
            assert!(same < one.len() / 128, "{same} equal bytes of {}", one.len());
            let xor: Vec<u8> = one.iter().zip(other).skip(74).map(|(a, b)| a ^ b).collect();
            assert!(xor.windows(16).all(|window| window.iter().any(|byte| *byte != 0)));
        }
    }
    assert!(!first.blobs.is_empty() && !second.blobs.is_empty());
}

/// How many bytes went out, by request.
fn sizes(heard: &[Exchange]) -> Vec<(&'static str, usize)> {
    let mut sizes: Vec<(&str, usize)> = heard
        .iter()
        .filter_map(|exchange| match exchange.ask.route() {
            Route::Put(..) => Some(("put", exchange.ask.body.len())),
            Route::Append(_) => Some(("append", exchange.ask.body.len())),
            _ => None,
        })
        .collect();
    sizes.sort_unstable();
    sizes
}

/// Attack 47: whether somebody (or she herself) has a file already changes nothing in what is sent.
#[tokio::test]
async fn attack_47_what_is_there_already_costs_the_same() {
    let (_site, liar, alice, bob) = world().await;
    let known = content(3_000_000);
    let fresh: Vec<u8> = known.iter().map(|byte| byte ^ 0x5a).collect();
    bob.put("/known", &known).await.unwrap();
    liar.heard();
    alice.put("/aaaa", &known).await.unwrap();
    let stored_by_bob = sizes(&liar.heard());
    alice.put("/bbbb", &fresh).await.unwrap();
    let stored_by_nobody = sizes(&liar.heard());
    alice.put("/cccc", &known).await.unwrap();
    let stored_by_herself = sizes(&liar.heard());
    // Compressible bytes cost what others cost.
    alice.put("/dddd", &vec![b'a'; known.len()]).await.unwrap();
    let compressible = sizes(&liar.heard());
    assert!(!stored_by_nobody.is_empty());
    assert_eq!(stored_by_bob, stored_by_nobody);
    assert_eq!(stored_by_herself, stored_by_nobody);
    assert_eq!(compressible, stored_by_nobody);
}

fn tree(folder: &Path, sizes: &[usize]) {
    std::fs::create_dir_all(folder).unwrap();
    for (at, size) in sizes.iter().enumerate() {
        std::fs::write(
            folder.join(format!("{at:04}")),
            content(u32::try_from(*size).unwrap()),
        )
        .unwrap();
    }
}

/// The length of the plaintext. FLOE: 74 bytes of header, 32 for each segment of at most 65,504.
fn opened(sealed: usize) -> u64 {
    let body = sealed - 74;
    (body - 32 * body.div_ceil(65_536).max(1)) as u64
}

fn padded(sealed: usize) -> bool {
    let plain = opened(sealed);
    plain == padme::padme(plain) || plain == 4 << 20
}

/// Attack 45: two albums of about the same size. Blobs have Padmé's sizes only, and packs hold many files: a reader without keys
/// cannot count them. What a distinguisher still gets, the total up to Padmé's 12 per cent, is printed.
#[tokio::test]
async fn attack_45_albums_by_their_sizes() {
    let (_site, liar, alice, bob) = world().await;
    let scratch = tempfile::tempdir().unwrap();
    let one: Vec<usize> = (0..60).map(|i| 90_000 + i * 137).collect();
    let total: usize = one.iter().sum();
    // As many bytes in other pieces.
    let other: Vec<usize> = (0..24).map(|i| total / 24 + i * 11 - 126).collect();
    tree(&scratch.path().join("one"), &one);
    tree(&scratch.path().join("other"), &other);
    alice
        .put_tree(&scratch.path().join("one"), "/album")
        .await
        .unwrap();
    let first = sent(&liar.heard());
    bob.put_tree(&scratch.path().join("other"), "/album")
        .await
        .unwrap();
    let second = sent(&liar.heard());
    let mut exact: HashSet<usize> = one.iter().chain(&other).copied().collect();
    exact.extend(
        one.iter()
            .chain(&other)
            .map(|size| 74 + size + 32 * size.div_ceil(65_504)),
    );
    for sent in [&first, &second] {
        for sealed in &sent.blobs {
            assert!(
                padded(sealed.len()),
                "a blob of {} bytes is not padded",
                sealed.len()
            );
            assert!(!exact.contains(&sealed.len()), "a file's size shows");
        }
        for body in &sent.bodies {
            let plain = opened(body.len());
            let coarse = plain > 65_536 || (plain >= 1_024 && plain.is_power_of_two());
            assert!(coarse && plain == padme::padme(plain), "a body of {plain} bytes");
        }
        // Fewer blobs than files: nobody counts them.
        assert!(sent.blobs.len() < 12, "{} blobs", sent.blobs.len());
    }
    let bytes = |sent: &Sent| sent.blobs.iter().map(Vec::len).sum::<usize>();
    println!(
        "60 files: {} blobs, {} bytes; 24 files: {} blobs, {} bytes (of {total})",
        first.blobs.len(),
        bytes(&first),
        second.blobs.len(),
        bytes(&second)
    );
    let (a, b) = (bytes(&first), bytes(&second));
    assert!(
        a.abs_diff(b) * 8 <= a.max(b),
        "a distinguisher tells {a} from {b}"
    );
}

/// The sizes of the one blob and of the one body that went to the blob's journal.
fn one_put(heard: &[Exchange]) -> (usize, usize) {
    let blob = |exchange: &Exchange| match exchange.ask.route() {
        Route::Put(journal, _) => Some((journal, exchange.ask.body.len())),
        _ => None,
    };
    let blobs: Vec<_> = heard.iter().filter_map(blob).collect();
    let [(drive, blob)] = blobs[..] else {
        panic!("{} blobs", blobs.len());
    };
    let to_drive = heard
        .iter()
        .filter(|exchange| exchange.ask.route() == Route::Append(drive));
    let appends: Vec<Append> = to_drive
        .map(|exchange| decode(&exchange.ask.body).unwrap())
        .collect();
    let entries: Vec<_> = appends.iter().flat_map(|append| &append.entries).collect();
    let [entry] = entries[..] else {
        panic!("{} entries", entries.len());
    };
    (blob, entry.body.len())
}

/// What somebody without keys can parse of a put: one pack, one entry, and their sizes. Sixteen trees of 24,000 bytes, in 1 to 16 files,
/// look like three of either: nobody counts files. Which counts look alike is printed.
#[tokio::test]
async fn files_in_a_pack_or_an_entry_cannot_be_counted() {
    let (_site, liar, alice, _) = world().await;
    let scratch = tempfile::tempdir().unwrap();
    let (mut packs, mut bodies) = (BTreeMap::new(), BTreeMap::new());
    for count in 1..=16 {
        let tree_of = scratch.path().join(count.to_string());
        tree(&tree_of, &vec![24_000 / count; count]);
        alice.put_tree(&tree_of, &format!("/{count:02}")).await.unwrap();
        let (pack, body) = one_put(&liar.heard());
        packs.entry(opened(pack)).or_insert_with(Vec::new).push(count);
        bodies.entry(opened(body)).or_insert_with(Vec::new).push(count);
    }
    println!("packs: {packs:?}; bodies: {bodies:?}");
    assert!(packs.len() <= 3, "{packs:?}");
    assert!(bodies.len() <= 3, "{bodies:?}");
}
