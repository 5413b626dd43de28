//! Alice shares photos with Bob, who have real clients behind a liar each, and with Mallory, who has none.

use crannog_agent_api::request::Role;
use crannog_core::inbox::Purpose;
use crannog_core::journal;
use crannog_proto::api::{Drop, Inbox, Page, Stored};
use crannog_proto::{AccountId, Hash, JournalId, chain};
use crannog_testkit::{Device, Insider, Liar, Reading, Route, ServerKeys, Site, Told};

pub(crate) struct Share {
    pub(crate) alice: Device,
    pub(crate) bob: Device,
    /// Before the server, on Alice's side.
    pub(crate) to_alice: Liar,
    /// And on Bob's.
    pub(crate) to_bob: Liar,
    pub(crate) mallory: Insider,
    /// Photos, as Mallory reads them.
    pub(crate) read: Reading,
    pub(crate) photos: JournalId,
    pub(crate) site: Site,
}

impl Share {
    pub(crate) async fn new() -> Self {
        let site = Site::start();
        let (to_alice, to_bob) = (Liar::before(&site).await, Liar::before(&site).await);
        let (alice, _) = Device::join(&to_alice.url(), &site.invite().1, "alice")
            .await
            .unwrap();
        let (bob, _) = Device::join(&to_bob.url(), &site.invite().1, "bob")
            .await
            .unwrap();
        let mut mallory = insider(&site, "mallory").await;
        alice.create_drive("photos").await.unwrap();
        alice.put("photos:/first", b"the first").await.unwrap();
        alice.share("photos:/", "bob", Role::Writer).await.unwrap();
        alice.share("photos:/", "mallory", Role::Writer).await.unwrap();
        bob.sync().await.unwrap();
        bob.accept("photos", None).await.unwrap();
        bob.sync().await.unwrap();
        let read = mallory.accept().await;
        let photos = read.id();
        alice.sync().await.unwrap();
        to_alice.heard();
        to_bob.heard();
        Self {
            alice,
            bob,
            to_alice,
            to_bob,
            mallory,
            read,
            photos,
            site,
        }
    }

    pub(crate) fn keys(&self) -> ServerKeys {
        ServerKeys::of(&self.site.data)
    }

    /// Eve, whom nobody knows; Bob, whom she has met; and a drive of hers that he is in as a writer, before any invite.
    pub(crate) async fn eve_with_loot(&self) -> (Insider, AccountId, Reading) {
        let mut eve = insider(&self.site, "eve").await;
        let bob = eve.meet("bob").await;
        let mut loot = eve.create_share().await;
        eve.admit(&mut loot, &[(bob, journal::Role::Writer)]).await;
        (eve, bob, loot)
    }

    /// An invite into it reaches Bob, who accepts, and writes there.
    pub(crate) async fn is_taken_in(&self, eve: &mut Insider, loot: &Reading, bob: AccountId) {
        let invite = eve.invite(loot, &bob, "loot");
        eve.send(&bob, Purpose::Invite(invite)).await;
        self.bob.sync().await.unwrap();
        self.bob.accept("loot", None).await.unwrap();
        self.bob.put("loot:/here", b"here").await.unwrap();
    }

    /// Reads on as Mallory.
    pub(crate) async fn read_on(&mut self) {
        self.mallory.read_on(&mut self.read).await;
    }

    pub(crate) async fn end(self) {
        self.alice.close().await;
        self.bob.close().await;
        self.site.assert_sound();
    }
}

/// Someone without a client, straight at the server.
pub(crate) async fn insider(site: &Site, name: &str) -> Insider {
    let (url, invite) = site.invite();
    Insider::join(&url, &invite, name).await
}

/// The account of a device.
pub(crate) async fn account(device: &Device) -> AccountId {
    use crannog_agent_api::{Answer, Request};
    match device.perform(Request::Whoami).await {
        Ok(Answer::Whoami(whoami)) => whoami.account.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The place that a request for entries asks after.
pub(crate) fn after(path: &str) -> Option<u64> {
    path.split("after=").nth(1)?.split('&').next()?.parse().ok()
}

/// Shows these entries, well ordered, as those that follow a place; all else of the journal stays hidden.
pub(crate) fn show(
    liar: &Liar,
    keys: &ServerKeys,
    journal: JournalId,
    from: (u64, Hash),
    entries: Vec<crannog_proto::Entry>,
) {
    let (mut seq, mut head) = from;
    let place = |entry: crannog_proto::Entry| {
        seq += 1;
        head = chain::next_head(&head, seq, &entry.header);
        Stored {
            seq,
            head,
            entry,
            body_gone: false,
        }
    };
    let stored: Vec<Stored> = entries.into_iter().map(place).collect();
    let last = keys.receipt(journal, seq, head);
    liar.swallow(move |ask| {
        if ask.route() != Route::Entries(journal) {
            return None;
        }
        let after = after(&ask.path)?;
        let entries = stored.iter().filter(|stored| stored.seq > after).cloned();
        let entries = entries.collect();
        Some(Told::ok(&Page { entries, last }))
    });
}

/// Lies about whatever lies in an inbox.
pub(crate) fn tell_inbox(liar: &Liar, mut lie: impl FnMut(&mut Vec<Drop>) + Send + 'static) {
    liar.tell(move |ask, told| {
        if ask.route() == Route::Inbox {
            told.edit(|inbox: &mut Inbox| lie(&mut inbox.drops));
        }
    });
}

/// Puts one more drop before all others, once.
pub(crate) fn inject(liar: &Liar, sealed: Vec<u8>) {
    let mut sealed = Some(sealed);
    tell_inbox(liar, move |drops| {
        if let Some(sealed) = sealed.take() {
            let id = rand::random();
            drops.insert(0, Drop { id, sealed });
        }
    });
}
