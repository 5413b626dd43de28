//! How long until somebody else sees it: a small file in a shared folder, and an invite.

use std::time::Instant;

use crannog_agent_api::answer::NewsKind;
use crannog_agent_api::request::Role;
use crannog_testkit::Device;

use crate::figures::{Samples, between};
use crate::listener::Listener;

/// Rounds that are not counted.
const WARM_UP: usize = 5;

pub(crate) async fn measure(quick: bool) {
    let (rounds, invites) = if quick { (10, 3) } else { (300, 20) };
    let site = crate::site("");
    let (url, first) = site.invite();
    let (_, second) = site.invite();
    let (alice, _) = Device::join(&url, &first, "alice").await.unwrap();
    let (bob, _) = Device::join(&url, &second, "bob").await.unwrap();
    alice.mkdir("/team").await.unwrap();
    alice.share("/team", "bob", Role::Writer).await.unwrap();
    bob.sync().await.unwrap();
    bob.accept("team", None).await.unwrap();
    files(&alice, &bob, rounds).await;
    shares(&alice, &bob, invites).await;
    alice.close().await;
    bob.close().await;
}

/// Alice puts a file, bob's watch shows it.
async fn files(alice: &Device, bob: &Device, rounds: usize) {
    let mut watch = Listener::of(bob).await;
    let (mut put, mut called, mut answered) = (Samples::default(), Samples::default(), Samples::default());
    for round in 0..WARM_UP + rounds {
        let name = format!("note-{round:04}.txt");
        let start = Instant::now();
        let path = format!("/team/{name}");
        alice
            .put(&path, format!("{round:01000}").as_bytes())
            .await
            .unwrap();
        let end = Instant::now();
        let seen = watch.until(NewsKind::Change, &name).await;
        if round >= WARM_UP {
            put.add(between(start, end));
            called.add(between(start, seen));
            answered.add(between(end, seen));
        }
    }
    put.tell("visible.put");
    called.tell("visible.since-put-was-called");
    answered.tell("visible.since-put-was-answered");
}

/// Alice makes a share of a folder with one file, bob's watch shows the invite.
async fn shares(alice: &Device, bob: &Device, rounds: usize) {
    for round in 0..rounds {
        alice.mkdir(&format!("/plan-{round}")).await.unwrap();
        alice
            .put(&format!("/plan-{round}/plan.txt"), b"a plan")
            .await
            .unwrap();
    }
    let mut watch = Listener::of(bob).await;
    let (mut share, mut called) = (Samples::default(), Samples::default());
    for round in 0..rounds {
        let start = Instant::now();
        alice
            .share(&format!("/plan-{round}"), "bob", Role::Writer)
            .await
            .unwrap();
        let end = Instant::now();
        let seen = watch.until(NewsKind::Invite, &format!("plan-{round} ")).await;
        share.add(between(start, end));
        called.add(between(start, seen));
    }
    share.tell("invite.share");
    called.tell("invite.since-share-was-called");
}
