//! Branches: a past of its own for whoever is behind a liar, with right heads and receipts by the server's real key.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crannog_proto::api::{Append, AppendResult, Appended, Page, Stored};
use crannog_proto::{Entry, Hash, JournalId, Receipt, chain, decode};

use crate::{Device, Liar, Route, ServerKeys, Site, Told};

/// One journal's past from some place on, told by one liar. The real server hears nothing of it.
#[derive(Debug, Clone)]
pub struct Branch {
    journal: JournalId,
    keys: Arc<ServerKeys>,
    from: (u64, Hash),
    entries: Arc<Mutex<Vec<Stored>>>,
}

impl Branch {
    /// Keeps whoever is behind the liar on a branch of this journal: all that she writes is "stored" there, and nothing else exists.
    pub fn begin(liar: &Liar, data: &Path, journal: JournalId, from: (u64, Hash)) -> Self {
        let branch = Self {
            journal,
            keys: Arc::new(ServerKeys::of(data)),
            from,
            entries: Arc::default(),
        };
        let told = branch.clone();
        liar.swallow(move |ask| match ask.route() {
            Route::Put(id, _) if id == journal => Some(Told::nothing()),
            Route::Append(id) if id == journal => {
                let append: Append = decode(&ask.body).unwrap();
                let results = append.entries.into_iter();
                let results = results
                    .map(|entry| AppendResult::Done(told.push(entry)))
                    .collect();
                Some(Told::ok(&Appended { results }))
            }
            Route::Entries(id) if id == journal => {
                let after = ask.path.split("after=").nth(1)?.split('&').next()?;
                let after: u64 = after.parse().ok()?;
                let entries = told.entries();
                let entries = entries.into_iter().filter(|stored| stored.seq > after).collect();
                let last = told.receipt();
                Some(Told::ok(&Page { entries, last }))
            }
            _ => None,
        });
        branch
    }

    /// Puts an entry at its end, whoever wrote it and wherever.
    pub fn push(&self, entry: Entry) -> Receipt {
        let (seq, head) = self.tip();
        let seq = seq + 1;
        let head = chain::next_head(&head, seq, &entry.header);
        self.entries.lock().unwrap().push(Stored {
            seq,
            head,
            entry,
            body_gone: false,
        });
        self.keys.receipt(self.journal, seq, head)
    }

    /// Its entries.
    pub fn entries(&self) -> Vec<Stored> {
        self.entries.lock().unwrap().clone()
    }

    /// Its last place.
    pub fn tip(&self) -> (u64, Hash) {
        let entries = self.entries.lock().unwrap();
        entries
            .last()
            .map_or(self.from, |stored| (stored.seq, stored.head))
    }

    fn receipt(&self) -> Receipt {
        let (seq, head) = self.tip();
        self.keys.receipt(self.journal, seq, head)
    }
}

/// Two people, each behind a liar of her own, who share the drive `photos`.
#[derive(Debug)]
pub struct Pair {
    /// Its admin.
    pub alice: Device,
    /// A writer.
    pub bob: Device,
    /// Between alice and the site.
    pub to_alice: Liar,
    /// Between bob and the site.
    pub to_bob: Liar,
    /// The drive that they share.
    pub photos: JournalId,
    /// The real server.
    pub site: Site,
}

impl Pair {
    /// Both have read the same.
    pub async fn new() -> Self {
        let site = Site::start();
        let (to_alice, to_bob) = (Liar::before(&site).await, Liar::before(&site).await);
        let (alice, _) = Device::join(&to_alice.url(), &site.invite().1, "alice")
            .await
            .unwrap();
        let (bob, _) = Device::join(&to_bob.url(), &site.invite().1, "bob")
            .await
            .unwrap();
        alice.create_drive("photos").await.unwrap();
        alice.put("photos:/first", b"seen by both").await.unwrap();
        let role = crannog_agent_api::request::Role::Writer;
        alice.share("photos:/", "bob", role).await.unwrap();
        bob.sync().await.unwrap();
        bob.accept("photos", None).await.unwrap();
        bob.put("photos:/second", b"seen by both too").await.unwrap();
        alice.sync().await.unwrap();
        bob.sync().await.unwrap();
        let drives = alice.drives().await;
        let photos = drives.iter().find(|drive| drive.name == "photos").unwrap();
        let photos = photos.id.parse().unwrap();
        Self {
            alice,
            bob,
            to_alice,
            to_bob,
            photos,
            site,
        }
    }

    /// The last place of the drive, as the real server has it.
    pub async fn tip(&self) -> (u64, Hash) {
        self.to_alice.heard();
        self.alice.sync().await.unwrap();
        let heard = self.to_alice.heard();
        let pages = heard
            .iter()
            .filter(|exchange| exchange.ask.route() == Route::Entries(self.photos));
        let page: Page = pages.last().expect("the drive was asked for").told.decode();
        (page.last.seq, page.last.head)
    }

    /// From now on each is on a branch of her own.
    pub async fn part(&self) -> (Branch, Branch) {
        let tip = self.tip().await;
        let begin = |liar| Branch::begin(liar, &self.site.data, self.photos, tip);
        (begin(&self.to_alice), begin(&self.to_bob))
    }
}
