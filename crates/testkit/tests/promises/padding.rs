//! What sizes give away: a parser without keys cannot count files, and a distinguisher measures what is left (attacks 24, 25, 38, 45,
//! 47, 48).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crannog_proto::api::Append;
use crannog_proto::entry::Place;
use crannog_proto::{Header, decode};
use crannog_testkit::{Device, Exchange, Liar, Route, Site};

/// What a server sees of one command: how many entries and blobs, and how large each is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Sight {
    bodies: Vec<u32>,
    blobs: Vec<usize>,
}

impl Sight {
    fn of(wire: &[Exchange]) -> Self {
        let (mut bodies, mut blobs) = (Vec::new(), Vec::new());
        for exchange in wire {
            match exchange.ask.route() {
                Route::Put(..) => blobs.push(exchange.ask.body.len()),
                Route::Append(_) => {
                    for entry in decode::<Append>(&exchange.ask.body).unwrap().entries {
                        let header: Header = decode(&entry.header).unwrap();
                        assert!(matches!(header.body.place, Place::Inline | Place::Blobs(_)));
                        bodies.push(header.body.len);
                    }
                }
                _ => {}
            }
        }
        blobs.sort_unstable();
        Self { bodies, blobs }
    }

    fn total(&self) -> usize {
        self.blobs.iter().sum()
    }
}

/// Puts this tree into a folder of its own and says what the server saw.
async fn seen(device: &Device, liar: &Liar, nth: usize, files: &[Vec<u8>]) -> Sight {
    for (index, bytes) in files.iter().enumerate() {
        device.local(&format!("{nth}/{index:08}"), bytes);
    }
    let folder = device.scratch.path().join(nth.to_string());
    device.mkdir(&format!("/{nth}")).await.unwrap();
    drop(liar.heard());
    device.put_tree(&folder, &format!("/{nth}")).await.unwrap();
    Sight::of(&liar.heard())
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    bytes
}

/// Bits that an observation gives away of the secret that it was made from.
fn bits(observed: &[Sight]) -> f64 {
    let mut classes: BTreeMap<&Sight, f64> = BTreeMap::new();
    for sight in observed {
        *classes.entry(sight).or_default() += 1.0;
    }
    let all = observed.len() as f64;
    classes.values().map(|count| count / all * (all / count).log2()).sum()
}

async fn world() -> (Site, Liar, Device) {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (device, _) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
    (site, liar, device)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_in_a_pack_cannot_be_counted() {
    let (_site, liar, device) = world().await;
    // The same bytes in all, in one file or in many.
    let mut sights = Vec::new();
    eprintln!("files  blobs                 bodies");
    for count in 1..=16 {
        let files: Vec<Vec<u8>> = (0..count).map(|_| noise(24_000 / count)).collect();
        let sight = seen(&device, &liar, count, &files).await;
        eprintln!("{count:5}  {:<20}  {:?}", format!("{:?}", sight.blobs), sight.bodies);
        assert_eq!(sight.blobs.len(), 1, "one pack, whatever it holds");
        sights.push(sight);
    }
    let packs: BTreeSet<usize> = sights.iter().map(Sight::total).collect();
    assert!(packs.len() <= 4, "the packs of 1 to 16 files have {packs:?} sizes");
    let bodies: BTreeSet<&Vec<u32>> = sights.iter().map(|sight| &sight.bodies).collect();
    assert!(bodies.len() <= 7, "the entries of 1 to 16 files have {bodies:?} sizes");
    let neighbours = sights.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(neighbours >= 6, "n and n + 1 files look alike in {neighbours} of 15 cases");
    device.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_distinguisher_says_what_padding_leaves() {
    let (_site, liar, device) = world().await;
    // Forty albums that someone might look for: 3 to 12 pictures of 20 to 120 kB each. Unpadded, each total is one of a kind.
    let mut observed = Vec::new();
    let (mut plain, mut sealed) = (0, 0);
    let mut totals = BTreeSet::new();
    for album in 0..40 {
        let count = 3 + album % 10;
        let files: Vec<Vec<u8>> =
            (0..count).map(|_| noise(rand::random_range(20_000..120_000))).collect();
        let total: usize = files.iter().map(Vec::len).sum();
        totals.insert(total);
        let sight = seen(&device, &liar, album, &files).await;
        plain += total;
        sealed += sight.total();
        observed.push(sight);
    }
    let (left, most) = (bits(&observed), (observed.len() as f64).log2());
    let overhead = 100.0 * (sealed as f64 / plain as f64 - 1.0);
    eprintln!(
        "distinguisher: {} albums; exact sizes give away {most:.2} bits, padded ones {left:.2}; padding costs {overhead:.1} %",
        observed.len()
    );
    assert_eq!(totals.len(), observed.len(), "unpadded, every album is known by its size");
    assert!(left < most, "padding hides nothing");
    assert!(overhead < 25.0, "padding costs {overhead:.1} %");
    device.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_bytes_never_look_the_same() {
    let (_site, liar, device) = world().await;
    let secret = noise(300_000);
    let mut sights = Vec::new();
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    // The same file under three names and twice as a version; then another of the same size.
    for (path, bytes) in [
        ("/a", &secret),
        ("/b", &secret),
        ("/folder/a", &secret),
        ("/c", &noise(300_000)),
        ("/c", &secret),
        ("/d", &noise(300_000)),
    ] {
        device.mkdir("/folder").await.unwrap();
        drop(liar.heard());
        device.put(path, bytes).await.unwrap();
        let wire = liar.heard();
        sights.push(Sight::of(&wire));
        let put = wire.iter().filter(|exchange| matches!(exchange.ask.route(), Route::Put(..) | Route::Append(_)));
        blobs.extend(put.map(|exchange| exchange.ask.body.to_vec()));
    }
    let uploads: BTreeSet<&Vec<usize>> = sights.iter().map(|sight| &sight.blobs).collect();
    assert_eq!(uploads.len(), 1, "whether the bytes were known shows in {uploads:?}");
    // No 16 bytes that were sealed come twice: no key and nonce does either.
    let mut windows = HashSet::new();
    for blob in blobs.iter().filter(|blob| blob.len() > 100_000) {
        for window in blob.windows(16).step_by(16) {
            assert!(windows.insert(window.to_vec()), "a block came twice");
        }
    }
    assert!(windows.len() > 100_000, "{}", windows.len());
    device.close().await;
}
