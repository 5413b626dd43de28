//! What it costs to remove somebody: one share that grows, a rekey at each size. Real engines: alice, who is its admin, and bob, who follows.
//! All others are accounts by hand, whose client never runs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crannog_agent_api::answer::NewsKind;
use crannog_agent_api::request::Role;
use crannog_client::transport::Transport;
use crannog_core::inbox::Invite;
use crannog_proto::{Header, Kind, Place, decode};
use crannog_seal::asym::{Info, KemPublicKey, wrap};
use crannog_seal::labels::WRAP_EPOCH_GRANT;
use crannog_testkit::{Device, Site};

use crate::figures::{Samples, between, tell, written};
use crate::listener::Listener;
use crate::person::Person;

const SHARE: &str = "/team";
/// One sender drops 120 notes an hour (`docs/spec/api.md`, Limits). Only a fresh server has forgotten them.
const DROPS: usize = 110;

pub(crate) async fn measure(quick: bool) {
    let (sizes, rounds): (&[usize], usize) = if quick { (&[2, 8], 2) } else { (&[2, 50, 500], 5) };
    let site = crate::site("");
    let largest = sizes.iter().max().copied().unwrap_or_default();
    let uses = (largest + sizes.len() * rounds + 2).to_string();
    let (url, invite) = site.invite_with(&["--uses", &uses]);
    let (alice, _) = Device::join(&url, &invite, "alice").await.unwrap();
    let (bob, _) = Device::join(&url, &invite, "bob").await.unwrap();
    alice.mkdir(SHARE).await.unwrap();
    alice.share(SHARE, "bob", Role::Writer).await.unwrap();
    bob.sync().await.unwrap();
    bob.accept("team", None).await.unwrap();
    let names = |what: &str, count: usize| (0..count).map(|nth| format!("{what}-{nth}")).collect();
    let members = Person::join_all(&site.server_url(), &invite, names("member", largest - 2)).await;
    let leavers = Person::join_all(&site.server_url(), &invite, names("leaver", sizes.len() * rounds)).await;
    envelope(&leavers[0], if quick { 20 } else { 1_000 });
    let mut team = Team {
        alice,
        bob,
        site,
        dropped: 1,
    };
    let (mut members, mut leavers, mut size) = (members.iter(), leavers.chunks(rounds), 2);
    for wanted in sizes {
        let mut shares = Samples::default();
        for member in members.by_ref().take(wanted - size) {
            shares.add(team.share(member).await);
        }
        size = *wanted;
        if shares.len() > 0 {
            shares.tell(&format!("rekey-{size}.grow-share"));
        }
        team.remove(leavers.next().unwrap(), size).await;
    }
    team.alice.close().await;
    team.bob.close().await;
}

struct Team {
    alice: Device,
    bob: Device,
    site: Site,
    /// Notes of alice since the server started.
    dropped: usize,
}

impl Team {
    /// Shares with one more; milliseconds.
    async fn share(&mut self, with: &Person) -> f64 {
        self.room(1).await;
        let start = Instant::now();
        self.alice.share(SHARE, &with.name, Role::Writer).await.unwrap();
        self.dropped += 1;
        between(start, Instant::now())
    }

    /// Sees to it that so many notes may be dropped.
    async fn room(&mut self, notes: usize) {
        if self.dropped + notes <= DROPS {
            return;
        }
        self.site.stop();
        self.site.run().unwrap();
        self.dropped = 0;
        for device in [&self.alice, &self.bob] {
            device.sync().await.unwrap();
            while !device.status().await.online {
                // sleep: the bell is opened in the background, and tells nobody
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Takes each in and removes her; the list has `size` members afterwards.
    async fn remove(&mut self, leavers: &[Person], size: usize) {
        self.room(leavers.len()).await;
        self.bob.sync().await.unwrap();
        let mut watch = Listener::of(&self.bob).await;
        let [mut share, mut unshare, mut called, mut answered, mut put] = <[Samples; 5]>::default();
        let mut wrote = Vec::new();
        for leaver in leavers {
            share.add(self.share(leaver).await);
            let session = leaver.session();
            let invite = leaver.invite_from(&session, "alice").await;
            self.bob.sync().await.unwrap();

            let (before, start) = (written(), Instant::now());
            self.alice.unshare(SHARE, &[&leaver.name]).await.unwrap();
            let end = Instant::now();
            let line = format!("{} is no longer a member", leaver.name);
            let followed = watch.until(NewsKind::Members, &line).await;
            unshare.add(between(start, end));
            called.add(between(start, followed));
            answered.add(between(end, followed));
            wrote.extend(written().zip(before).map(|(now, before)| now - before));

            let start = Instant::now();
            self.alice
                .put(&format!("{SHARE}/of-{}.txt", leaver.name), b"small")
                .await
                .unwrap();
            put.add(between(start, Instant::now()));
            if share.len() == leavers.len() {
                entry(&session, &invite, size).await;
            }
        }
        share.tell(&format!("rekey-{size}.share"));
        unshare.tell(&format!("rekey-{size}.unshare"));
        called.tell(&format!("rekey-{size}.followed-since-called"));
        answered.tell(&format!("rekey-{size}.followed-since-answered"));
        put.tell(&format!("rekey-{size}.small-put-afterwards"));
        // Every member's device has these costs; a phone feels them more than this machine.
        if !wrote.is_empty() {
            let mean = wrote.iter().sum::<f64>() / wrote.len() as f64;
            tell(&format!("rekey-{size}.written-by-both-devices"), mean, "MiB");
        }
        let profile = std::fs::read_dir(&self.bob.profile).unwrap();
        let bytes: u64 = profile.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        tell(
            &format!("rekey-{size}.follower-profile"),
            bytes as f64 / 1_048_576.0,
            "MiB",
        );
    }
}

/// What one envelope costs by itself.
fn envelope(member: &Person, rounds: usize) {
    let kem = &member.chain.generation().unwrap().kem;
    let key = KemPublicKey::from_bytes(kem).unwrap();
    let mut took = Samples::default();
    for _ in 0..rounds {
        let start = Instant::now();
        let info = Info::new(WRAP_EPOCH_GRANT, &[7; 72]);
        black_box(wrap(&key, info, b"", &[7; 98], &mut rand::rng()));
        took.add(between(start, Instant::now()));
    }
    took.tell("layer.wrap-a-grant-for-one-member");
}

/// The rekey that ended the epoch in which she was a member: her dead token reads it.
async fn entry(session: &Transport, invite: &Invite, size: usize) {
    let secrets = invite.grant.secrets(&invite.journal, invite.epoch);
    let token = secrets.read_token();
    let page = session
        .entries(
            &invite.journal,
            token.expose_to_server(),
            Some(invite.at.seq),
            512,
        )
        .await;
    let headers = page.unwrap().entries.into_iter();
    let mut headers = headers.map(|stored| decode::<Header>(&stored.entry.header).unwrap());
    let rekey = headers
        .find(|header| matches!(header.kind, Kind::Rekey { .. }))
        .expect("a rekey");
    tell(&format!("rekey-{size}.body"), f64::from(rekey.body.len), "bytes");
    let blobs = match &rekey.body.place {
        Place::Inline => 0,
        Place::Blobs(blobs) => blobs.len(),
    };
    tell(&format!("rekey-{size}.body-blobs"), blobs as f64, "count");
    tell(
        &format!("rekey-{size}.epochs-so-far"),
        invite.epoch as f64 + 2.0,
        "count",
    );
}
