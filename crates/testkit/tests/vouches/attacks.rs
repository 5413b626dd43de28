//! CHK-030: checkpoints of which a part can no longer be compared, or cannot be opened, from one who may write them.

use std::slice;

use crannog_agent_api::{Answer, Request};
use crannog_core::drive::{DriveOp, NodeId, Record};
use crannog_proto::api::Page;
use crannog_proto::{Header, Kind, decode};
use crannog_testkit::{Device, Liar, Route, Told};

use crate::hand::{Ground, Share, folder, fresh};

/// The folders that lies are about; the last is in the trash.
struct Nodes {
    moved: NodeId,
    vanished: NodeId,
}

/// What a member does between what a checkpoint describes and its entry, and what he says of the time before.
struct Lie {
    name: &'static str,
    meanwhile: fn(&Nodes) -> Vec<DriveOp>,
    told: fn(&Nodes, &mut Vec<Record>),
}

fn moves(nodes: &Nodes) -> Vec<DriveOp> {
    vec![DriveOp::Move {
        node: nodes.moved,
        parent: NodeId::ROOT,
        name: "moved".to_owned(),
    }]
}

fn takes_an_id(nodes: &Nodes) -> Vec<DriveOp> {
    let node = nodes.vanished;
    vec![DriveOp::Purge { node }, folder(node, "again")]
}

const LIES: &[Lie] = &[
    Lie {
        name: "forged",
        meanwhile: moves,
        told: |nodes, records| {
            for record in records {
                if let Record::Node(node) = record
                    && node.node == nodes.moved
                {
                    node.name = "forged".to_owned();
                }
            }
        },
    },
    Lie {
        name: "silent",
        meanwhile: moves,
        told: |nodes, records| records.retain(|record| record.node() != nodes.moved),
    },
    Lie {
        name: "reborn",
        meanwhile: takes_an_id,
        told: |nodes, records| records.retain(|record| record.node() != nodes.vanished),
    },
];

/// Two folders, one in the trash; the lie, and where the checkpoint ends.
async fn told(ground: &mut Ground, lie: &Lie) -> (Share, u64, crannog_core::drive::Segment) {
    let mut share = ground.share(lie.name).await;
    let nodes = Nodes {
        moved: fresh(),
        vanished: fresh(),
    };
    let made = vec![folder(nodes.moved, "before"), folder(nodes.vanished, "trash")];
    ground.write(&mut share, made).await;
    let trash = DriveOp::Trash { node: nodes.vanished };
    ground.write(&mut share, vec![trash]).await;
    let through = share.last();
    let mut records = share.records(0, through);
    assert_eq!(records.len(), 2);
    (lie.told)(&nodes, &mut records);
    let segment = ground.segment(&share, (0, through), &records, None).await;
    for op in (lie.meanwhile)(&nodes) {
        ground.write(&mut share, vec![op]).await;
    }
    ground
        .checkpoint(&mut share, through, slice::from_ref(&segment))
        .await;
    (share, through, segment)
}

async fn log(device: &Device, share: &Share) -> usize {
    let request = Request::Log {
        path: Some(format!("{}:/", share.name).parse().unwrap()),
        limit: 100_000,
    };
    match device.perform(request).await {
        Ok(Answer::Log(log)) => log.len(),
        other => panic!("{other:?}"),
    }
}

/// CHK-030 (attack 32): nobody vouches for what he could not compare. When the truth stands in a newer segment, the lie is worth nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_030_a_lie_about_what_changed_meanwhile_is_not_vouched_for() {
    let mut ground = Ground::new().await;
    let mut lies = Vec::new();
    for lie in LIES {
        lies.push(told(&mut ground, lie).await);
    }
    ground.honest("honest").await;
    for (share, ..) in &lies {
        assert_eq!(ground.vouched(share).await, None, "{}", share.name);
    }
    assert_eq!(ground.victim.status().await.alarms, []);
    // An honest checkpoint that cites the lies again.
    for (share, before, lie) in &mut lies {
        let through = share.last();
        let newer = share.records(*before, through);
        let newer = ground.segment(share, (*before, through), &newer, None).await;
        ground.checkpoint(share, through, &[lie.clone(), newer]).await;
        ground.until_vouched(share, through).await;
    }
    let words = ground.bob.sheet.words.clone();
    let phone = Device::recover(&ground.site.url(), "bob", &words, "phone").await;
    let phone = phone.unwrap();
    phone.sync().await.unwrap();
    ground.victim.sync().await.unwrap();
    for (share, ..) in &lies {
        let path = format!("{}:/", share.name);
        let all = |nodes| serde_json::to_string(&nodes).unwrap();
        let (known, shown) = (
            ground.victim.list(&path).await.unwrap(),
            phone.list(&path).await.unwrap(),
        );
        assert_eq!(all(known), all(shown), "{path}");
        let (old, new) = (log(&ground.victim, share).await, log(&phone, share).await);
        assert!(new < old, "{path}: {new} of {old} entries were read");
    }
    ground.site.assert_sound();
}

/// CHK-030: a hash that is true, and blobs that hold something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_030_a_segment_that_is_not_there_is_not_vouched_for() {
    let mut ground = Ground::new().await;
    let mut share = ground.share("hollow").await;
    ground.write(&mut share, vec![folder(fresh(), "one")]).await;
    let through = share.last();
    let honest = share.records(0, through);
    let mut other = honest.clone();
    if let [Record::Node(node)] = other.as_mut_slice() {
        node.name = "two".to_owned();
    }
    let segment = ground.segment(&share, (0, through), &honest, Some(&other)).await;
    ground
        .checkpoint(&mut share, through, slice::from_ref(&segment))
        .await;
    let failure = loop {
        if let Some(failure) = ground.victim.status().await.alarms.into_iter().next() {
            break failure;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(failure.check.as_deref(), Some("CHK-030"), "{failure:?}");
    let said = &failure.message;
    assert!(said.contains("hollow") && said.contains("mallory"), "{said}");
    assert_eq!(ground.vouched(&share).await, None);
    // Somebody looked: nobody opens it again, and the drive goes on.
    ground.victim.dismiss("hollow").await.unwrap();
    ground.victim.mkdir("hollow:/more").await.unwrap();
    ground.honest("honest").await;
    assert_eq!(ground.victim.status().await.alarms, []);
    assert_eq!(ground.vouched(&share).await, None);
    ground.site.assert_sound();
}

/// CHK-026: a server that keeps bodies back from a device that starts from a checkpoint, though no Prune took them: what introduced other
/// devices may be among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_026_a_body_that_is_gone_needs_a_prune() {
    let mut ground = Ground::new().await;
    let share = ground.honest("honest").await;
    let through = ground.vouched(&share).await.unwrap();
    let (liar, id) = (Liar::before(&ground.site).await, share.id());
    liar.tell(move |ask, told| {
        if ask.route() != Route::Entries(id) || told.status != 200 {
            return;
        }
        let mut page: Page = told.decode();
        for stored in page.entries.iter_mut().filter(|stored| stored.seq <= through) {
            let header: Header = decode(&stored.entry.header).unwrap();
            if header.kind == Kind::Change {
                stored.body_gone = true;
                stored.entry.body.clear();
            }
        }
        *told = Told::ok(&page);
    });
    let words = ground.bob.sheet.words.clone();
    let url = liar.url();
    let failure = match Device::recover(&url, "bob", &words, "fresh").await {
        Err(failure) => failure,
        Ok(fresh) => fresh.sync().await.unwrap_err(),
    };
    assert_eq!(failure.check.as_deref(), Some("CHK-026"), "{failure:?}");
    liar.repent();
    let fresh = Device::recover(&url, "bob", &words, "honest").await.unwrap();
    fresh.sync().await.unwrap();
    let (known, shown) = (ground.victim.list("honest:/").await, fresh.list("honest:/").await);
    assert_eq!(known.unwrap().len(), shown.unwrap().len());
}

/// CHK-030: what leaves out records that everybody has is a lie, whatever its blobs hold: nobody fetches them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_030_a_segment_that_cannot_be_is_refused_at_once() {
    let mut ground = Ground::new().await;
    let mut share = ground.share("short").await;
    ground.write(&mut share, vec![folder(fresh(), "one")]).await;
    let through = share.last();
    let honest = share.records(0, through);
    let mut segment = ground.segment(&share, (0, through), &honest, None).await;
    segment.records = 0;
    ground
        .checkpoint(&mut share, through, slice::from_ref(&segment))
        .await;
    let [alarm] = &ground.victim.status().await.alarms[..] else {
        panic!("no alarm")
    };
    assert_eq!(alarm.check.as_deref(), Some("CHK-030"), "{alarm:?}");
    let said = &alarm.message;
    assert!(said.contains("short") && said.contains("mallory"), "{said}");
    ground.victim.dismiss("short").await.unwrap();
    ground.honest("honest").await;
    ground.site.assert_sound();
}
