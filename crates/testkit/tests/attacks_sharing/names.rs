//! Who somebody is: names, accounts and roots (attacks 6, 64).

use crannog_agent_api::Code;
use crannog_agent_api::request::Role;
use crannog_core::identity::{Expected, KnownChain, WrittenWords, close, create_account, new_words};
use crannog_core::inbox::Purpose;
use crannog_core::journal;
use crannog_proto::api::DirectoryEntry;
use crannog_proto::sigchain::SignedLink;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{DeviceId, labels};
use crannog_testkit::{Insider, NOW, Route, Told};

use crate::circle::Circle;
use crate::seen::{
    alarm, assert_lie, entry_of, kinds, nobody, notes, picture, refusals, sent, trust, trust_words,
};
use crate::share::{Share, insider};

/// CHK-008, CHK-007 and CHK-006 (attack 6): a pinned name leads to its account and to no other, whatever the directory says. Nothing is
/// sealed for whoever is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_008_another_key_under_a_pinned_name() {
    let mut share = Share::new().await;
    let eve = insider(&share.site, "eve").await;
    // Mallory's chain has two links, and Alice has seen both.
    share.mallory.second_device().await;
    share.alice.sync().await.unwrap();
    let real = share.mallory.known.clone();
    let mut short = entry_of(&real);
    short.links.truncate(1);
    let renamed = DirectoryEntry {
        name: "mallory".to_owned(),
        ..entry_of(&eve.known)
    };
    let mut foreign = entry_of(&real);
    foreign.links.push(foreign_root("mallory"));
    let mut cut = entry_of(&real);
    cut.links.remove(0);
    let mut unsigned = entry_of(&real);
    unsigned.links[1].signatures[0].0[7] ^= 1;
    let made_up = entry_of(&nobody("mallory"));
    // Nobody but her root says that she is gone.
    let mut closed = entry_of(&real);
    closed.links.push(stolen_close(&share.mallory));
    // By name, as `share` asks first, and by account, as everything else does.
    let cases = [
        ("another account of that name", true, "CHK-008", made_up.clone()),
        ("someone else's sigchain", true, "CHK-006", entry_of(&eve.known)),
        ("someone else's under her name", true, "CHK-008", renamed.clone()),
        ("another account by id", false, "CHK-006", made_up),
        ("someone else's by id", false, "CHK-006", renamed),
        (
            "a root that the old one did not sign",
            false,
            "CHK-006",
            foreign.clone(),
        ),
        ("the same by name", true, "CHK-006", foreign),
        ("closed by her account key", false, "CHK-006", closed.clone()),
        ("the same by name", true, "CHK-006", closed),
        ("an older sigchain", false, "CHK-007", short.clone()),
        ("the same by name", true, "CHK-007", short),
        ("without its beginning", false, "CHK-006", cut),
        ("a signature bent", false, "CHK-006", unsigned),
    ];
    let before = picture(&share.alice).await;
    share.to_alice.heard();
    let account = share.mallory.account;
    for (what, by_name, check, entry) in cases {
        share.to_alice.swallow(move |ask| {
            let named = ask.route() == Route::Directory && ask.path.ends_with("/mallory");
            let asked = if by_name {
                named
            } else {
                ask.route() == Route::DirectoryOf(account)
            };
            asked.then(|| Told::ok(&entry))
        });
        let shared = share.alice.share("photos:/", "mallory", Role::Reader).await;
        let failure = shared.expect_err(what);
        assert_eq!(failure.code, Code::VerificationFailed, "{what}: {failure:?}");
        assert_eq!(failure.check.as_deref(), Some(check), "{what}: {failure:?}");
        let named = failure.object.clone().unwrap_or_default();
        assert!(
            named.contains("mallory") || named.contains(&account.to_string()),
            "{what}: {failure:?}"
        );
        let heard = share.to_alice.heard();
        assert_eq!(notes(&heard), 0, "{what}: nothing goes out");
        if by_name {
            assert_eq!(sent(&heard, share.photos).len(), 0, "{what}: nothing is sealed");
            assert_eq!(picture(&share.alice).await, before, "{what}");
        }
        share.to_alice.repent();
        share
            .alice
            .share("photos:/", "mallory", Role::Writer)
            .await
            .unwrap();
        share.to_alice.heard();
    }
    share.end().await;
}

/// A Close link by all that lies on a device.
pub(crate) fn stolen_close(person: &Insider) -> SignedLink {
    let chain = person.known.state();
    let words = WrittenWords::parse(&person.sheet.words).unwrap();
    let mut link = close(chain, words.words()).unwrap().link;
    let message = message(labels::LINK_SIGNATURE, &link.link);
    let key = person.secrets.current().unwrap().signing_key();
    link.signatures = vec![Signature(key.sign(&message))];
    link
}

/// A NewWords link by a stranger's words.
fn foreign_root(name: &str) -> SignedLink {
    let device = DeviceId(rand::random());
    let made = create_account(name, device, "nowhere", NOW, &mut rand::rng()).unwrap();
    let known = KnownChain::first(vec![made.link], &Expected::default()).unwrap();
    let words = new_words(
        known.state(),
        &made.words,
        &made.secrets,
        &[device],
        &mut rand::rng(),
    );
    words.unwrap().new.link
}

/// CHK-008 (attacks 6, 64): at first contact the server can show whom it likes, and what is shown says *not verified*. When the true one
/// comes later it is found: she is not who was pinned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_008_a_first_contact_that_was_a_lie() {
    let share = Share::new().await;
    let mut carol = insider(&share.site, "carol").await;
    let alice = carol.meet("alice").await;
    let false_one = nobody("carol");
    let (entry, account) = (entry_of(&false_one), false_one.state().account);
    share.to_alice.swallow(move |ask| {
        let asked = match ask.route() {
            Route::Directory => ask.path.ends_with("/carol"),
            Route::DirectoryOf(asked) => asked == account,
            Route::DropInto(into) if into == account => return Some(Told::nothing()),
            _ => false,
        };
        asked.then(|| Told::ok(&entry))
    });
    let shared = share
        .alice
        .share("photos:/", "carol", Role::Reader)
        .await
        .unwrap();
    assert!(!shared.verified && !shared.known, "{shared:?}");
    let words = crannog_core::identity::root_words(&false_one.state().root);
    assert_eq!(shared.words, words, "what carol would have compared");

    // The server gives it up.
    share.to_alice.swallow(move |ask| {
        (ask.route() == Route::DirectoryOf(account)).then(|| Told::ok(&entry_of(&false_one)))
    });
    let failure = share
        .alice
        .share("photos:/", "carol", Role::Reader)
        .await
        .unwrap_err();
    assert_lie(&failure, "the true one", "CHK-008", "carol");
    let before = picture(&share.alice).await;
    let loot = carol.create_share().await;
    let mut loot = loot;
    carol.admit(&mut loot, &[(alice, journal::Role::Writer)]).await;
    let invite = carol.invite(&loot, &alice, "loot");
    carol.send(&alice, Purpose::Invite(invite)).await;
    share.alice.sync().await.unwrap();
    assert_eq!(picture(&share.alice).await, before);
    let refused = refusals(&share.alice).await;
    assert!(
        refused[0].contains("CHK-008") && refused[0].contains("carol"),
        "{refused:?}"
    );
    share.end().await;
}

/// CHK-008 (attack 6): Mallory has a new root. Nothing new is sealed where she is in the list, not even keys; nothing is shared with her,
/// and nothing of hers is taken, until somebody has looked. She can be removed all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_008_a_root_that_changed() {
    let mut share = Share::new().await;
    let mut eve = insider(&share.site, "eve").await;
    let alices = share.mallory.meet("alice").await;
    share.mallory.change_words().await;
    share.to_alice.heard();
    share.alice.sync().await.unwrap();
    let alice = &share.alice;
    assert_eq!(
        kinds(&share.to_alice, share.photos),
        "",
        "no keys for a root that nobody has looked at"
    );
    let contacts = alice.contacts().await;
    let mallory = contacts.iter().find(|contact| contact.name == "mallory").unwrap();
    assert!(mallory.changed_to.is_some() && !mallory.verified);
    let alarms = alice.status().await.alarms;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0].check.as_deref(), Some("CHK-008"));
    assert_eq!(alarms[0].object.as_deref(), Some("mallory"));
    // The words that were compared are the ones that are pinned, or nothing is.
    let other = trust_words(alice, &mallory.account, &mallory.words).await;
    assert_eq!(other.unwrap_err().code, Code::Conflict);
    assert!(
        alice
            .contacts()
            .await
            .iter()
            .any(|contact| contact.changed_to.is_some())
    );
    let members = alice.members("photos:/").await.unwrap();
    let frozen: Vec<_> = members.iter().filter(|member| member.frozen).collect();
    assert_eq!((frozen.len(), frozen[0].name.as_str()), (1, "mallory"));

    let refused = [
        alice.put("photos:/more", b"more").await.map(drop),
        alice.mkdir("photos:/folder").await,
        alice.share("photos:/", "mallory", Role::Reader).await.map(drop),
    ];
    for refused in refused {
        assert_lie(&refused.unwrap_err(), "a new root", "CHK-008", "mallory");
    }
    let mut loot = share.mallory.create_share().await;
    let admitted = [(alices, journal::Role::Writer)];
    share.mallory.admit(&mut loot, &admitted).await;
    let invite = share.mallory.invite(&loot, &alices, "loot");
    share.mallory.send(&alices, Purpose::Invite(invite)).await;
    alice.sync().await.unwrap();
    assert_eq!(alice.invites().await, []);
    let told = refusals(alice).await;
    assert!(
        told[0].contains("CHK-008") && told[0].contains("mallory"),
        "{told:?}"
    );
    assert_eq!(kinds(&share.to_alice, share.photos), "", "nothing was sealed");
    // A rekey that has another reason cites her as the list did: nothing goes to keys under the new root.
    alice.set_role("photos:/", "bob", Role::Reader).await.unwrap();
    share.mallory.read_on(&mut share.read).await;
    let listed = share.read.state.members().iter();
    let cited: Vec<u32> = listed.map(|member| member.chain.seq).collect();
    assert_eq!(cited, [0, 0, 0]);
    // Elsewhere work goes on.
    alice.put("/own", b"own").await.unwrap();
    alice.create_drive("second").await.unwrap();
    alice.share("second:/", "eve", Role::Reader).await.unwrap();
    assert_eq!(eve.accept().await.state.members().len(), 2);

    let asleep = share.alice.rest().await;
    let alice = asleep.wake_copy().await;
    trust(&alice, "mallory").await.unwrap();
    share.to_alice.heard();
    alice.put("photos:/more", b"more").await.unwrap();
    assert_eq!(kinds(&share.to_alice, share.photos), "RC");
    let contacts = alice.contacts().await;
    let mallory = contacts.iter().find(|contact| contact.name == "mallory").unwrap();
    assert_eq!((mallory.changed_to.as_ref(), mallory.verified), (None, false));
    alice.close().await;
    share.mallory.read_on(&mut share.read).await;
    assert_eq!(share.read.state.members().len(), 3);
    share.bob.close().await;
    share.site.assert_sound();
}

/// The twin of the above: who changed her root is removed without being trusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn someone_whose_root_changed_is_removed() {
    let mut share = Share::new().await;
    share.mallory.change_words().await;
    share.alice.sync().await.unwrap();
    share.to_alice.heard();
    share.alice.unshare("photos:/", &["mallory"]).await.unwrap();
    share.alice.put("photos:/more", b"more").await.unwrap();
    assert_eq!(kinds(&share.to_alice, share.photos), "RC");
    share.read_on().await;
    assert!(share.read.state.is_removed());
    share.end().await;
}

/// CHK-008 (attacks 6, 8): an admin and the server bring someone into the list who is called as one of Bob's contacts is, or as he is
/// himself. She is not shown as the one whom he knows, takes no one's place, and nothing is sealed for her.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_008_a_namesake_in_the_list() {
    for name in ["carol", "bob"] {
        let mut circle = Circle::new().await;
        let namesake = nobody(name);
        let (account, entry) = (namesake.state().account, entry_of(&namesake));
        circle.alice.others.insert(account, namesake);
        let people = [(account, journal::Role::Reader)];
        circle.alice.admit(&mut circle.by_alice, &people).await;
        circle
            .liar
            .swallow(move |ask| (ask.route() == Route::DirectoryOf(account)).then(|| Told::ok(&entry)));
        let bob = circle.bob.wake_copy().await;
        let _told = alarm(&bob).await;
        let before: Vec<_> = bob.contacts().await;
        assert!(
            before
                .iter()
                .all(|contact| contact.account != account.to_string()),
            "{name}: a namesake is pinned"
        );
        let members = bob.members("photos:/").await.unwrap();
        let called: Vec<_> = members.iter().filter(|member| member.name == name).collect();
        assert!(called.len() <= 1, "{members:?}");
        assert!(called.iter().all(|member| member.account != account.to_string()));
        circle.liar.heard();
        let failure = bob.put("photos:/more", b"more").await.unwrap_err();
        assert_lie(&failure, name, "CHK-008", name);
        assert_eq!(kinds(&circle.liar, circle.photos), "");
        // The one whom he knows is who she was.
        circle.liar.repent();
        if name == "carol" {
            bob.create_drive("own").await.unwrap();
            bob.share("own:/", "carol", Role::Reader).await.unwrap();
        }
        circle.alice.remove(&mut circle.by_alice, &account).await;
        bob.sync().await.unwrap();
        bob.put("photos:/more", b"more").await.unwrap();
        bob.close().await;
        circle.site.assert_sound();
    }
}
