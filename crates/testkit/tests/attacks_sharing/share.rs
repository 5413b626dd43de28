//! Alice shares photos with Bob, who have real clients behind a liar each, and with Mallory, who has none.

use crannog_agent_api::request::Role;
use crannog_proto::api::{Append, AppendResult, Appended, Drop, Inbox, Page, Stored};
use crannog_proto::{AccountId, Hash, JournalId, chain, decode};
use crannog_testkit::{Device, Insider, Liar, Reading, Route, ServerKeys, Site, Told};
use std::sync::{Arc, Mutex};

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

/// Keeps a client on a branch that begins at this place: all it writes is "stored" there, and nothing else exists.
pub(crate) fn branch(
    liar: &Liar,
    keys: ServerKeys,
    journal: JournalId,
    from: (u64, Hash),
) -> Arc<Mutex<(u64, Hash)>> {
    let tip = Arc::new(Mutex::new(from));
    let shown = Arc::clone(&tip);
    liar.swallow(move |ask| match ask.route() {
        Route::Put(id, _) if id == journal => Some(Told::nothing()),
        Route::Append(id) if id == journal => {
            let append: Append = decode(&ask.body).unwrap();
            let mut tip = tip.lock().unwrap();
            let done = |entry: &crannog_proto::Entry| {
                let seq = tip.0 + 1;
                *tip = (seq, chain::next_head(&tip.1, seq, &entry.header));
                AppendResult::Done(keys.receipt(journal, tip.0, tip.1))
            };
            let results = append.entries.iter().map(done).collect();
            Some(Told::ok(&Appended { results }))
        }
        Route::Entries(id) if id == journal => {
            let (seq, head) = *tip.lock().unwrap();
            let entries = Vec::new();
            let last = keys.receipt(journal, seq, head);
            Some(Told::ok(&Page { entries, last }))
        }
        _ => None,
    });
    shown
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
