//! Pages of a journal, twisted: every lie about entries is found, named, and changes nothing (attacks 10, 21, 29 to 35).
//!
//! One account, many victims: each is the same device as it was before the author's last writes, and each is lied to in another way.
//! The liar has all keys of the server, so heads and receipts of its forgeries are right wherever that helps it.

use crannog_proto::api::{Page, Stored};
use crannog_proto::{Hash, JournalId, chain};
use crannog_testkit::{Ask, Route, ServerKeys, Told, World};

/// What a lie may use.
struct Ground {
    drive: JournalId,
    /// The last head that the victim knows.
    known: (u64, Hash),
    keys: ServerKeys,
    /// The honest journal from its start.
    whole: Page,
    /// A page of the other journal.
    home: Vec<u8>,
}

type Twist = fn(&Ground, &mut Page);

/// Numbers, heads and receipt again, as if the server had ordered just these.
fn ordered(ground: &Ground, page: &mut Page) {
    let (mut seq, mut head) = ground.known;
    for stored in &mut page.entries {
        seq += 1;
        head = chain::next_head(&head, seq, &stored.entry.header);
        (stored.seq, stored.head) = (seq, head);
    }
    page.last = ground.keys.receipt(ground.drive, seq, head);
}

fn entry(page: &mut Page, at: usize) -> &mut Stored {
    page.entries.get_mut(at).unwrap()
}

/// Flips a header byte and keeps everything else consistent.
fn flip_header(ground: &Ground, page: &mut Page, at: usize) {
    entry(page, 0).entry.header[at] ^= 1;
    ordered(ground, page);
}

const PAGES: &[(&str, &str, Twist)] = &[
    ("version relabelled", "CHK-010", |g, p| {
        entry(p, 0).entry.header[0] = 0;
        ordered(g, p);
    }),
    ("a version to come", "CHK-010", |g, p| {
        entry(p, 1).entry.header[0] = 2;
        ordered(g, p);
    }),
    ("journal flipped in the header", "CHK-021", |g, p| {
        flip_header(g, p, 1)
    }),
    ("epoch flipped", "CHK-016", |g, p| flip_header(g, p, 33)),
    ("entry id flipped", "CHK-016", |g, p| flip_header(g, p, 41)),
    ("seen flipped", "CHK-016", |g, p| flip_header(g, p, 70)),
    ("header cut short", "CHK-029", |g, p| {
        entry(p, 0).entry.header.pop();
        ordered(g, p);
    }),
    ("header with a byte more", "CHK-029", |g, p| {
        entry(p, 0).entry.header.push(0);
        ordered(g, p);
    }),
    ("signature flipped", "CHK-016", |_, p| {
        entry(p, 0).entry.signature.0[5] ^= 1
    }),
    ("signatures swapped", "CHK-016", |_, p| {
        let other = entry(p, 1).entry.signature;
        entry(p, 0).entry.signature = other;
    }),
    ("body flipped", "CHK-018", |_, p| entry(p, 0).entry.body[100] ^= 1),
    ("body cut short", "CHK-018", |_, p| {
        entry(p, 0).entry.body.truncate(500)
    }),
    ("body of another entry", "CHK-018", |_, p| {
        let other = entry(p, 1).entry.body.clone();
        entry(p, 0).entry.body = other;
    }),
    ("body gone", "CHK-026", |_, p| {
        let stored = entry(p, 0);
        stored.body_gone = true;
        stored.entry.body.clear();
    }),
    ("one left out", "CHK-011", |_, p| drop(p.entries.remove(1))),
    ("one twice", "CHK-011", |_, p| {
        let again = entry(p, 0).clone();
        p.entries.insert(1, again);
    }),
    ("two exchanged", "CHK-011", |_, p| p.entries.swap(0, 1)),
    ("the end withheld", "CHK-026", |_, p| p.entries.clear()),
    ("a replayed page", "CHK-011", |g, p| {
        p.entries = g.whole.entries.clone()
    }),
    ("a head of its own", "CHK-011", |_, p| {
        entry(p, 0).head = Hash([7; 32])
    }),
    ("fork: one left out, ordered anew", "CHK-014", |g, p| {
        p.entries.remove(0);
        ordered(g, p);
    }),
    ("fork: two exchanged, ordered anew", "CHK-014", |g, p| {
        p.entries.swap(0, 1);
        ordered(g, p);
    }),
    ("fork: an entry twice, ordered anew", "CHK-015", |g, p| {
        let again = entry(p, 0).clone();
        p.entries.insert(1, again);
        ordered(g, p);
    }),
    ("fork: an old entry replayed as new", "CHK-015", |g, p| {
        let (seq, _) = g.known;
        p.entries = vec![g.whole.entries[usize::try_from(seq).unwrap()].clone()];
        ordered(g, p);
    }),
    ("rolled back by one", "CHK-012", |g, p| {
        let (seq, _) = g.known;
        let before = &g.whole.entries[usize::try_from(seq - 1).unwrap()];
        p.entries.clear();
        p.last = g.keys.receipt(g.drive, before.seq, before.head);
    }),
    ("another past at the same place", "CHK-011", |g, p| {
        p.entries.clear();
        p.last = g.keys.receipt(g.drive, g.known.0, Hash([9; 32]));
    }),
    ("receipt flipped", "CHK-019", |_, p| p.last.signature.0[0] ^= 1),
    ("receipt by another key", "CHK-019", |g, p| {
        p.last = ServerKeys::impostor(g.keys.fingerprint).receipt(g.drive, p.last.seq, p.last.head);
    }),
    ("receipt of another journal", "CHK-019", |g, p| {
        p.last = g.keys.receipt(JournalId([3; 32]), p.last.seq, p.last.head);
    }),
];

type RawTwist = fn(&Ground, &mut Told);

const RAW: &[(&str, &str, RawTwist)] = &[
    ("garbage", "CHK-029", |_, told| told.body = vec![0xff; 300]),
    ("nothing", "CHK-029", |_, told| told.body.clear()),
    ("a byte too many", "CHK-029", |_, told| told.body.push(0)),
    ("a byte too few", "CHK-029", |_, told| {
        told.body.truncate(told.body.len() - 1)
    }),
    ("another journal's page", "CHK-019", |g, told| {
        told.body = g.home.clone()
    }),
    ("thirty megabytes", "CHK-024", |_, told| {
        told.body = vec![0; 30 << 20]
    }),
    ("a redirect", "CHK-028", |_, told| {
        told.status = 302;
        told.headers
            .push(("location".into(), "https://attacker.invalid/".into()));
    }),
    ("a content coding", "CHK-028", |_, told| {
        told.headers.push(("content-encoding".into(), "gzip".into()));
    }),
];

async fn world() -> (World, Ground) {
    let world = World::new(
        async |author| {
            author.put("/early", b"early").await.unwrap();
            author.put("/second", b"second").await.unwrap();
        },
        async |author| {
            for name in ["/a", "/b", "/c"] {
                author.put(name, name.as_bytes()).await.unwrap();
            }
        },
    )
    .await;
    let drive: JournalId = world.author.drives().await[0].id.parse().unwrap();
    // What an honest reader is shown: the known place, all pages.
    world.liar.heard();
    let victim = world.victim().await;
    assert_eq!(victim.failure, None, "the honest twin");
    assert_eq!(victim.device.paths().await, world.author.paths().await);
    victim.device.close().await;
    let heard = world.liar.heard();
    let pages = heard.iter().filter(|e| e.ask.route() == Route::Entries(drive));
    let late: Page = pages
        .map(|e| e.told.decode::<Page>())
        .find(|p| !p.entries.is_empty())
        .unwrap();
    let home = heard
        .iter()
        .find(|e| matches!(e.ask.route(), Route::Entries(id) if id != drive))
        .unwrap();
    let home = home.told.body.clone();
    // Someone who starts from nothing is shown the whole journal.
    crannog_testkit::Device::recover(&world.liar.url(), "alice", &world.sheet.words, "third")
        .await
        .unwrap()
        .close()
        .await;
    let heard = world.liar.heard();
    let pages = heard.iter().filter(|e| e.ask.route() == Route::Entries(drive));
    let whole: Page = pages
        .map(|e| e.told.decode::<Page>())
        .find(|p| p.entries.first().is_some_and(|e| e.seq == 0))
        .unwrap();
    let known = late.entries[0].seq - 1;
    let known = (known, whole.entries[usize::try_from(known).unwrap()].head);
    let keys = ServerKeys::of(&world.site.data);
    let ground = Ground {
        drive,
        known,
        keys,
        whole,
        home,
    };
    (world, ground)
}

/// Lies to one victim about the drive; she must stop with this check, and change nothing.
async fn expect(world: &World, name: &str, check: &str, before: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let victim = world.victim().await;
    match &victim.failure {
        Some(failure) if failure.check.as_deref() == Some(check) => {
            if failure.code != crannog_agent_api::Code::VerificationFailed || failure.object.is_none() {
                wrong.push(format!("{name}: {failure:?}"));
            }
        }
        other => wrong.push(format!("{name}: {check} was expected, not {other:?}")),
    }
    // Fails closed: either nothing at all is shown, or what was known.
    match victim.device.list("/").await {
        Err(failure) => {
            if failure.check.as_deref() != Some(check) {
                wrong.push(format!("{name}: {failure:?}"));
            }
        }
        Ok(nodes) => {
            let shown: Vec<String> = nodes.into_iter().map(|node| node.path).collect();
            if shown.join(" ") != before {
                wrong.push(format!("{name}: shows {shown:?}"));
            }
        }
    }
    victim.device.close().await;
    world.liar.repent();
    wrong
}

#[tokio::test]
async fn twisted_pages_are_refused() {
    let (world, ground) = world().await;
    let ground: &'static Ground = Box::leak(Box::new(ground));
    let mut wrong = Vec::new();
    for (name, check, twist) in PAGES {
        let twist = *twist;
        world.liar.tell(move |ask: &Ask, told: &mut Told| {
            if ask.route() == Route::Entries(ground.drive) {
                told.edit(|page: &mut Page| {
                    if page.entries.len() >= 3 {
                        twist(ground, page);
                    }
                });
            }
        });
        wrong.extend(expect(&world, name, check, "early second").await);
    }
    for (name, check, twist) in RAW {
        let twist = *twist;
        world.liar.tell(move |ask: &Ask, told: &mut Told| {
            if ask.route() == Route::Entries(ground.drive) {
                twist(ground, told);
            }
        });
        wrong.extend(expect(&world, name, check, "early second").await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
