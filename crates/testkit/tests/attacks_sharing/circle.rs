//! Bob, who has a real client, in a share of people who have none: Alice, its admin, Mallory, who writes, and Carol, who reads.

use crannog_core::inbox::Purpose;
use crannog_core::journal::Role;
use crannog_proto::{Entry, JournalId};
use crannog_testkit::{Device, Insider, Liar, Reading, Resting, ServerKeys, Site};

use crate::seen::{alarm, assert_lie, picture};
use crate::share::{account, insider, show};

pub(crate) struct Circle {
    pub(crate) alice: Insider,
    /// Photos, as Alice reads them.
    pub(crate) by_alice: Reading,
    pub(crate) mallory: Insider,
    pub(crate) by_mallory: Reading,
    pub(crate) carol: Insider,
    pub(crate) by_carol: Reading,
    pub(crate) bob: Resting,
    pub(crate) bobs: crannog_proto::AccountId,
    pub(crate) liar: Liar,
    pub(crate) photos: JournalId,
    /// All that Bob saw before anyone lied.
    pub(crate) picture: String,
    pub(crate) site: Site,
}

impl Circle {
    pub(crate) async fn new() -> Self {
        let site = Site::start();
        let liar = Liar::before(&site).await;
        let (bob, _) = Device::join(&liar.url(), &site.invite().1, "bob").await.unwrap();
        let bobs = account(&bob).await;
        let (mut alice, mut mallory, mut carol) = (
            insider(&site, "alice").await,
            insider(&site, "mallory").await,
            insider(&site, "carol").await,
        );
        // Carol has two links.
        carol.second_device().await;
        let mut by_alice = alice.create_share().await;
        for name in ["bob", "mallory", "carol"] {
            alice.meet(name).await;
        }
        let people = [
            (bobs, Role::Writer),
            (mallory.account, Role::Writer),
            (carol.account, Role::Reader),
        ];
        alice.admit(&mut by_alice, &people).await;
        for (person, _) in people {
            let invite = alice.invite(&by_alice, &person, "photos");
            alice.send(&person, Purpose::Invite(invite)).await;
        }
        let (by_mallory, by_carol) = (mallory.accept().await, carol.accept().await);
        bob.sync().await.unwrap();
        bob.accept("photos", None).await.unwrap();
        bob.put("photos:/first", b"the first").await.unwrap();
        bob.sync().await.unwrap();
        let picture = picture(&bob).await;
        let mut circle = Self {
            photos: by_alice.id(),
            alice,
            by_alice,
            mallory,
            by_mallory,
            carol,
            by_carol,
            bob: bob.rest().await,
            bobs,
            liar,
            picture,
            site,
        };
        circle.read_on().await;
        circle
    }

    /// All three read on.
    pub(crate) async fn read_on(&mut self) {
        self.alice.read_on(&mut self.by_alice).await;
        self.mallory.read_on(&mut self.by_mallory).await;
        self.carol.read_on(&mut self.by_carol).await;
    }

    /// The server shows Bob these as the next entries, well ordered.
    pub(crate) fn show(&self, entries: Vec<Entry>) {
        let keys = ServerKeys::of(&self.site.data);
        show(&self.liar, &keys, self.photos, self.by_alice.last(), entries);
    }

    /// Bob reads them: he refuses them for this reason, names the drive, and keeps everything as it was.
    pub(crate) async fn assert_refused(&self, what: &str, check: &str, entries: Vec<Entry>) {
        self.show(entries);
        let bob = self.bob.wake_copy().await;
        let failure = alarm(&bob).await.unwrap_or_else(|| panic!("{what} went unseen"));
        assert_lie(&failure, what, check, "drive photos");
        assert_eq!(picture(&bob).await, self.picture, "{what}");
        // Nothing of a frozen drive is used, and nothing is written there, until someone has looked at the alarm.
        let frozen = bob.cat("photos:/first").await.unwrap_err();
        assert_lie(&frozen, what, check, "drive photos");
        let frozen = bob.put("photos:/more", b"more").await.unwrap_err();
        assert_lie(&frozen, what, check, "drive photos");
        self.liar.repent();
        bob.close().await;
    }

    /// The honest twin: read, and worked on with.
    pub(crate) async fn assert_taken(&self, what: &str, entries: Vec<Entry>, path: Option<&str>) {
        self.show(entries);
        let bob = self.bob.wake_copy().await;
        assert_eq!(alarm(&bob).await, None, "{what}");
        let listed = bob.list("photos:/").await.unwrap();
        assert!(listed.iter().any(|node| node.path == "first"), "{what}");
        if let Some(path) = path {
            assert!(listed.iter().any(|node| node.path == path), "{what}");
        }
        self.liar.repent();
        bob.close().await;
    }
}
