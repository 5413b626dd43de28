//! Rings that say what is not so: receipts that the server never gave or should not have given, entries that nobody wrote.

use crannog_agent_api::{Code, Failure};
use crannog_proto::api::{Ring, Stored};
use crannog_proto::{Hash, JournalId, chain};
use crannog_testkit::{Said, ServerKeys, World};

use crate::listener::{Listener, counted, world};

/// What a forger has.
struct Ground {
    keys: ServerKeys,
    home: JournalId,
    /// Home's last place.
    last: (u64, Hash),
    /// An entry of the drive that the victim has read.
    old: Stored,
}

/// What it makes of the drive's next ring.
type Lie = fn(&Ground, &mut Ring);

/// The entry that comes along.
fn entry(ring: &mut Ring) -> &mut Stored {
    ring.entry.as_mut().unwrap()
}

/// Head and receipt as if the server had ordered just this after the place before.
fn ordered(ground: &Ground, ring: &mut Ring, before: (u64, Hash)) {
    let journal = ring.last.journal;
    let stored = entry(ring);
    stored.seq = before.0 + 1;
    stored.head = chain::next_head(&before.1, stored.seq, &stored.entry.header);
    ring.last = ground.keys.receipt(journal, stored.seq, stored.head);
}

/// Flips a bit of the header; the receipt stays the true one.
fn flip(ring: &mut Ring, at: usize) {
    entry(ring).entry.header[at] ^= 1;
}

/// The lie, the check that finds it, the journal that the alarm names.
const LIES: &[(&str, &str, &str, Lie)] = &[
    ("receipt flipped", "CHK-019", "drive main", |_, r| {
        r.last.signature.0[0] ^= 1
    }),
    ("receipt by another key", "CHK-019", "drive main", |g, r| {
        let forger = ServerKeys::impostor(g.keys.fingerprint);
        r.last = forger.receipt(r.last.journal, r.last.seq, r.last.head);
    }),
    ("receipt moved to home", "CHK-019", "home", |g, r| {
        r.last.journal = g.home
    }),
    ("receipt signed for home", "CHK-021", "home", |g, r| {
        r.last.journal = g.home;
        ordered(g, r, g.last);
    }),
    ("another start", "CHK-011", "drive main", |g, r| {
        r.last = g.keys.receipt(r.last.journal, 0, Hash([7; 32]));
        r.entry = None;
    }),
    ("another present", "CHK-011", "drive main", |g, r| {
        r.last = g.keys.receipt(r.last.journal, r.last.seq - 1, Hash([7; 32]));
        r.entry = None;
    }),
    (
        "an old entry where another stands",
        "CHK-011",
        "drive main",
        |g, r| {
            r.entry = Some(g.old.clone());
            let before = (r.last.seq - 2, g.old.head);
            ordered(g, r, before);
        },
    ),
    ("a head of its own", "CHK-011", "drive main", |g, r| {
        entry(r).head = Hash([9; 32]);
        r.last = g.keys.receipt(r.last.journal, r.last.seq, Hash([9; 32]));
    }),
    ("an old entry as a new one", "CHK-015", "drive main", |g, r| {
        let before = (g.old.seq, g.old.head);
        r.entry = Some(g.old.clone());
        ordered(g, r, before);
    }),
    ("version flipped", "CHK-010", "drive main", |_, r| flip(r, 0)),
    ("journal flipped", "CHK-021", "drive main", |_, r| flip(r, 1)),
    ("epoch flipped", "CHK-016", "drive main", |_, r| flip(r, 33)),
    ("entry id flipped", "CHK-016", "drive main", |_, r| flip(r, 41)),
    ("seen flipped", "CHK-016", "drive main", |_, r| flip(r, 70)),
    ("signature flipped", "CHK-016", "drive main", |_, r| {
        entry(r).entry.signature.0[5] ^= 1
    }),
    ("header cut short", "CHK-029", "drive main", |_, r| {
        entry(r).entry.header.pop();
    }),
    ("header with a byte more", "CHK-029", "drive main", |_, r| {
        entry(r).entry.header.push(0)
    }),
    ("body flipped", "CHK-018", "drive main", |_, r| {
        entry(r).entry.body[100] ^= 1
    }),
    ("body cut short", "CHK-018", "drive main", |_, r| {
        entry(r).entry.body.truncate(500)
    }),
    ("body gone", "CHK-026", "drive main", |_, r| {
        entry(r).body_gone = true;
        entry(r).entry.body.clear();
    }),
];

/// Each lie is told to one victim in place of the drive's next ring.
#[tokio::test]
async fn forged_rings_are_refused() {
    let world = world().await;
    for (at, (name, check, object, lie)) in LIES.iter().enumerate() {
        println!("{name}");
        let victim = told(&world, at, *lie).await;
        assert_alarm(&victim.alarm(name).await, check, object);
        let now = victim.device.picture().await;
        assert_eq!(counted(&now), counted(&victim.picture), "{name}");
        world.liar.repent();
        goes_on(&world, victim, at, (check, object)).await;
    }
    let honest = world.victim().await;
    assert_eq!(honest.failure, None, "the honest twin");
    assert_eq!(honest.device.paths().await, world.author.paths().await);
    honest.device.close().await;
}

/// A victim whose next ring is this lie.
async fn told(world: &World, at: usize, lie: Lie) -> Listener {
    let mut victim = Listener::new(world).await;
    let drive = victim.drive;
    // What is about to become old, and where home ends.
    let (author, name) = (&world.author, format!("{at} before"));
    author.put(&format!("/{name}"), b"before").await.unwrap();
    let rung = victim.bell.rung_for(drive).await;
    victim.sees(&name).await;
    victim.picture = victim.device.picture().await;
    let last = victim.last_of(world, victim.home).await;
    let ground = Ground {
        keys: ServerKeys::of(&world.site.data),
        home: victim.home,
        last,
        old: rung.ring().unwrap().entry.clone().unwrap(),
    };
    world.liar.toll(move |rung| {
        let Some(mut ring) = rung.ring().cloned() else {
            return vec![rung.said()];
        };
        if ring.last.journal == drive {
            lie(&ground, &mut ring);
        }
        vec![Said::ring(&ring)]
    });
    world.author.put(&format!("/{at} late"), b"late").await.unwrap();
    victim.bell.rung_for(drive).await;
    victim
}

/// An honest server helps no more: the journal is not used before someone has looked at the alarm. Then it goes on from where it stood.
async fn goes_on(world: &World, victim: Listener, at: usize, (check, object): (&str, &str)) {
    let device = &victim.device;
    assert_alarm(&device.sync().await.unwrap_err(), check, object);
    if object == "home" {
        // The drive is none of this alarm's business.
        assert_eq!(device.picture().await, victim.picture);
        world.author.put(&format!("/{at} meanwhile"), b"").await.unwrap();
        victim.sees(&format!("{at} meanwhile")).await;
    } else {
        assert_alarm(&device.list("/").await.unwrap_err(), check, object);
    }
    device.dismiss(object.trim_start_matches("drive ")).await.unwrap();
    if object != "home" {
        assert_eq!(
            device.picture().await,
            victim.picture,
            "the lie left nothing behind"
        );
    }
    world.author.put(&format!("/{at} after"), b"after").await.unwrap();
    victim.sees(&format!("{at} after")).await;
    device.sync().await.unwrap();
    assert_eq!(device.status().await.alarms, []);
    assert_eq!(device.paths().await, world.author.paths().await);
    victim.device.close().await;
}

#[track_caller]
fn assert_alarm(alarm: &Failure, check: &str, object: &str) {
    assert_eq!(alarm.code, Code::VerificationFailed, "{alarm:?}");
    assert_eq!(alarm.check.as_deref(), Some(check), "{alarm:?}");
    assert_eq!(alarm.object.as_deref(), Some(object), "{alarm:?}");
}
