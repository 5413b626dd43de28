//! Rekeys by those who may not, with a list or with secrets that they may not have (attacks 5, 8, 36).

use crannog_core::journal::{Content, EpochGrant, JournalState, Member, Role, SealedRekey};
use crannog_proto::sigchain::Cite;
use crannog_proto::{Entry, Signer};
use crannog_seal::schedule::EpochSecrets;
use crannog_testkit::{Envelopes, ServerKeys};
use rand::Rng;

use crate::circle::Circle;
use crate::seen::{alarm, assert_lie, folder, nobody, picture};
use crate::share::{insider, show};

fn with(members: &mut [Member], account: crannog_proto::AccountId, role: Role) {
    let member = members.iter_mut().find(|member| member.account == account);
    member.unwrap().role = role;
}

/// CHK-022 (attack 8): a writer refreshes keys, and nothing else. The server helps: it shows what it would have to refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_022_a_refresh_changes_no_list() {
    let mut circle = Circle::new().await;
    let eve = insider(&circle.site, "eve").await;
    circle.mallory.meet("eve").await;
    let (mallory, read) = (&circle.mallory, &circle.by_mallory);
    let (alice, carol) = (circle.alice.account, circle.carol.account);
    let refresh = |change: &dyn Fn(&mut Vec<Member>)| {
        let rekey = mallory.rekey(read, Signer::Writer, |draft| change(&mut draft.members));
        rekey.sealed.entry
    };
    let ghost = mallory.member(eve.account, Role::Reader);
    let cases: [(&str, Entry); 7] = [
        (
            "a writer who makes herself admin",
            refresh(&|list| with(list, mallory.account, Role::Admin)),
        ),
        (
            "a writer who takes the admin's right",
            refresh(&|list| {
                with(list, alice, Role::Writer);
                with(list, mallory.account, Role::Admin);
            }),
        ),
        (
            "a writer who takes someone out",
            refresh(&|list| list.retain(|member| member.account != carol)),
        ),
        (
            "a writer who takes the reader of this out",
            refresh(&|list| list.retain(|member| member.account != circle.bobs)),
        ),
        (
            "a writer who takes someone in",
            refresh(&|list| list.push(ghost.clone())),
        ),
        ("another order", refresh(&|list| list.reverse())),
        ("another admin key", with_admin_key(&circle)),
    ];
    for (what, entry) in cases {
        circle.assert_refused(what, "CHK-022", vec![entry]).await;
    }
    circle
        .assert_taken("an honest refresh", vec![refresh(&|_| {})], None)
        .await;
    circle.site.assert_sound();
}

/// A refresh that names an admin key of Mallory's own: sealed on a state in which the current one has been replaced.
fn with_admin_key(circle: &Circle) -> Entry {
    let (mallory, read) = (&circle.mallory, &circle.by_mallory);
    let mut snapshot = read.state.snapshot().to_vec();
    let (old, mut own) = (read.state.public().unwrap().admin_key.0, [0; 32]);
    rand::rng().fill_bytes(&mut own);
    let at = snapshot.windows(32).rposition(|window| window == old).unwrap();
    snapshot[at..at + 32].copy_from_slice(&own);
    let bent = JournalState::restore(&snapshot).unwrap();
    assert_eq!(bent.public().unwrap().admin_key.0, own);
    let ground = mallory.ground(read);
    let rekey = mallory.rekey_on(&bent, &ground, Signer::Writer, |_| {});
    rekey.sealed.entry
}

/// CHK-017 (attacks 8, 37): the admin key alone makes nobody an admin. The server takes such an entry: it sees the key only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_a_leaked_admin_key_makes_no_admin() {
    let circle = Circle::new().await;
    let mut coups = Vec::new();
    for (person, read, what) in [
        (&circle.mallory, &circle.by_mallory, "a writer with the admin key"),
        (&circle.carol, &circle.by_carol, "a reader with all keys"),
    ] {
        let mut ground = person.ground(read);
        let all = circle.alice.ground(&circle.by_alice);
        ground.secrets = all.secrets;
        ground.admin = all.admin;
        let me = person.account;
        let coup = person.rekey_on(&read.state, &ground, Signer::Admin, |draft| {
            draft
                .members
                .retain(|member| member.account != circle.alice.account);
            with(&mut draft.members, me, Role::Admin);
        });
        coups.push((what, coup));
    }
    for (what, coup) in &coups {
        let entry = coup.sealed.entry.clone();
        circle.assert_refused(what, "CHK-017", vec![entry]).await;
    }
    let honest = circle.alice.rekey(&circle.by_alice, Signer::Admin, |draft| {
        with(&mut draft.members, circle.mallory.account, Role::Admin);
    });
    circle
        .assert_taken("the admin's own", vec![honest.sealed.entry], None)
        .await;
    // And really: the server takes the coup, the people do not.
    let (_, coup) = coups.remove(0);
    circle.mallory.append(&circle.photos, &coup.sealed).await;
    let bob = circle.bob.wake_copy().await;
    let failure = alarm(&bob).await.expect("a coup");
    assert_lie(&failure, "a coup", "CHK-017", "drive photos");
    assert_eq!(picture(&bob).await, circle.picture);
    // A bad rekey is not passed over: nobody could read on.
    bob.dismiss("photos").await.unwrap();
    let failure = alarm(&bob).await.expect("a coup");
    assert_lie(&failure, "a coup again", "CHK-017", "drive photos");
    bob.put("/own", b"own").await.unwrap();
    bob.close().await;
}

/// CHK-022 (attack 8): an admin's list is well-formed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_022_lists_that_no_admin_makes() {
    let circle = Circle::new().await;
    let (alice, read) = (&circle.alice, &circle.by_alice);
    let (mallory, carol) = (circle.mallory.account, circle.carol.account);
    let rekey = |change: &dyn Fn(&mut Vec<Member>)| {
        let rekey = alice.rekey(read, Signer::Admin, |draft| change(&mut draft.members));
        rekey.sealed.entry
    };
    let first = &circle.carol.own_chain().links()[0];
    let old = Cite {
        account: carol,
        seq: 0,
        head: first.hash(),
    };
    let twice = alice.member(mallory, Role::Reader);
    let cases = [
        ("someone twice", rekey(&|list| list.push(twice.clone()))),
        (
            "nobody who could rekey",
            rekey(&|list| list.iter_mut().for_each(|member| member.role = Role::Writer)),
        ),
        (
            "a member cited with an old link",
            rekey(&|list| {
                let member = list.iter_mut().find(|member| member.account == carol);
                member.unwrap().chain = old;
            }),
        ),
    ];
    for (what, entry) in cases {
        circle.assert_refused(what, "CHK-022", vec![entry]).await;
    }
    let honest = rekey(&|list| list.retain(|member| member.account != carol));
    circle.assert_taken("an honest list", vec![honest], None).await;
}

/// CHK-022 (attack 8): a ghost whom no directory knows is in the list. Nothing of it is read, and whoever reads is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ghost_in_the_list_is_told() {
    let mut circle = Circle::new().await;
    let ghost = nobody("casper");
    let account = ghost.state().account;
    circle.alice.others.insert(account, ghost);
    let (alice, read) = (&circle.alice, &circle.by_alice);
    let rekey = alice.rekey(read, Signer::Admin, |draft| {
        draft.members.push(alice.member(account, Role::Reader));
    });
    let bob_never = rekey.sealed.entry;
    circle.show(vec![bob_never]);
    let bob = circle.bob.wake_copy().await;
    let alarmed = alarm(&bob).await;
    assert_eq!(picture(&bob).await, circle.picture);
    let refused = bob.put("photos:/more", b"more").await.unwrap_err();
    circle.liar.repent();
    let failure = alarmed.expect("a ghost that nobody was told of");
    assert_lie(&failure, "a ghost", "CHK-022", "drive photos");
    assert_lie(&refused, "a ghost", "CHK-022", "drive photos");
    bob.close().await;
}

/// CHK-004, CHK-002 and CHK-022 (attacks 5, 8): secrets for one member that are not everybody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_004_different_secrets_for_different_people() {
    let circle = Circle::new().await;
    let (alice, read) = (&circle.alice, &circle.by_alice);
    let next = read.state.epoch().unwrap() + 1;
    let rekey = alice.rekey(read, Signer::Admin, |_| {});
    let right = rekey.grant.secrets(&circle.photos, next);
    let other = EpochSecrets::generate(&circle.photos.0, next, &mut rand::rng());
    let writer = |read: &EpochSecrets, write: &EpochSecrets| EpochGrant {
        read: read.read().clone(),
        append: None,
        write: write.write().cloned(),
        admin: None,
    };
    let sealed = |grant: &EpochGrant| alice.envelope(read, &circle.bobs, grant);
    let cases: [(&str, &str, Vec<u8>); 8] = [
        ("another K", "CHK-004", sealed(&writer(&other, &right))),
        ("another W", "CHK-004", sealed(&writer(&right, &other))),
        ("all other", "CHK-004", sealed(&writer(&other, &other))),
        (
            "another A for a writer",
            "CHK-004",
            sealed(&EpochGrant {
                admin: other.admin().cloned(),
                ..writer(&right, &right)
            }),
        ),
        (
            "no W for a writer",
            "CHK-022",
            sealed(&EpochGrant::for_role(&right, Role::Reader)),
        ),
        (
            "A for a writer",
            "CHK-022",
            sealed(&EpochGrant::for_role(&right, Role::Admin)),
        ),
        (
            "sealed to someone else",
            "CHK-002",
            alice.envelope(read, &circle.mallory.account, &writer(&right, &right)),
        ),
        ("noise", "CHK-002", vec![0x5a; 1_234]),
    ];
    for (what, check, envelope) in cases {
        let entry = bend(&circle, &rekey, |body, tag| {
            let mine = body.1.iter_mut().find(|(found, _)| *found == tag);
            mine.unwrap().1 = envelope;
        });
        circle.assert_refused(what, check, vec![entry]).await;
    }
    let none = bend(&circle, &rekey, |body, tag| {
        let mine = body.1.iter_mut().find(|(found, _)| *found == tag);
        mine.unwrap().0 = [7; 16];
    });
    circle
        .assert_refused("left out, and not named", "CHK-022", vec![none])
        .await;
    let odd = bend(&circle, &rekey, |body, _| {
        body.1.push(([9; 16], vec![0; 1_234]));
    });
    circle
        .assert_refused("five envelopes", "CHK-022", vec![odd])
        .await;
    let again = bend(&circle, &rekey, |body, tag| {
        let mine = body.1.iter_mut().find(|(found, _)| *found == tag);
        mine.unwrap().1 = sealed(&writer(&right, &right));
    });
    circle
        .assert_taken("the right secrets, sealed again", vec![again], None)
        .await;
    circle
        .assert_taken("the honest one", vec![rekey.sealed.entry], None)
        .await;
}

fn bend(circle: &Circle, rekey: &SealedRekey, change: impl FnOnce(&mut Envelopes, [u8; 16])) -> Entry {
    let tag = circle.alice.envelope_tag(&circle.by_alice, &circle.bobs);
    circle
        .alice
        .bend_envelopes(&circle.by_alice, rekey, |body| change(body, tag))
}

/// CHK-017 (attacks 36, 61): whoever was removed writes no more, though an admin hands her the new keys; neither does a device that was
/// revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_removed_people_and_revoked_devices() {
    let mut circle = Circle::new().await;
    let batch = || {
        Content::Drive(crannog_core::drive::DriveBatch {
            ops: vec![folder("planted")],
            filler: Vec::new(),
        })
    };
    // Mallory is taken out; Alice gives her what came after.
    let mut read = circle.by_alice.again();
    let out = circle.alice.rekey(&read, Signer::Admin, |draft| {
        draft
            .members
            .retain(|member| member.account != circle.mallory.account)
    });
    let out = out.sealed.entry;
    let (seq, head) = read.last();
    let placed = crannog_proto::api::Stored {
        seq: seq + 1,
        head: crannog_proto::chain::next_head(&head, seq + 1, &out.header),
        entry: out.clone(),
        body_gone: false,
    };
    circle.alice.take(&mut read, placed, None).await;
    let mut ground = circle.alice.ground(&read);
    ground.author = circle.mallory.author();
    ground.device_key = &circle.mallory.keys.signing;
    let written = circle.mallory.seal_on(&ground, batch(), Vec::new()).entry;
    circle
        .assert_refused("a removed writer", "CHK-017", vec![out.clone(), written])
        .await;
    let hers = circle.alice.seal_ops(&read, vec![folder("after")], Vec::new());
    circle
        .assert_taken("an admin after a removal", vec![out, hers.entry], Some("after"))
        .await;

    // Mallory has another device, and takes the first one away; the list says so.
    let (first, stolen) = circle.mallory.second_device().await;
    circle.mallory.revoke(first).await;
    circle.alice.meet("mallory").await;
    let mut members = circle.by_alice.state.members().to_vec();
    for member in &mut members {
        *member = circle.alice.member(member.account, member.role);
    }
    circle.alice.set_members(&mut circle.by_alice, members).await;
    circle.read_on().await;
    let mut ground = circle.mallory.ground(&circle.by_mallory);
    ground.author.device = first;
    ground.device_key = &stolen.signing;
    let written = circle.mallory.seal_on(&ground, batch(), Vec::new()).entry;
    let real = circle.by_alice.stored.last().unwrap().entry.clone();
    let keys = ServerKeys::of(&circle.site.data);
    let (seq, head) = (circle.by_alice.last().0 - 1, before_last(&circle));
    let shown = |entries| show(&circle.liar, &keys, circle.photos, (seq, head), entries);
    shown(vec![real.clone(), written]);
    let bob = circle.bob.wake_copy().await;
    let failure = alarm(&bob).await.expect("a revoked device");
    assert_lie(&failure, "a revoked device", "CHK-017", "drive photos");
    assert_eq!(picture(&bob).await, circle.picture);
    bob.close().await;
    let honest = circle
        .mallory
        .seal_ops(&circle.by_mallory, vec![folder("new")], Vec::new());
    shown(vec![real, honest.entry]);
    let bob = circle.bob.wake_copy().await;
    assert_eq!(alarm(&bob).await, None, "her new device");
    let listed = bob.list("photos:/").await.unwrap();
    assert!(listed.iter().any(|node| node.path == "new"));
    circle.liar.repent();
    bob.close().await;
}

fn before_last(circle: &Circle) -> crannog_proto::Hash {
    let stored = &circle.by_alice.stored;
    stored[stored.len() - 2].head
}
