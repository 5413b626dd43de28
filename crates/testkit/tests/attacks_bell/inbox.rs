//! Inboxes in a liar's hands: drops and the rings for them are swallowed, repeated, made up; and what a live server sees of it all.

use std::sync::Arc;

use crannog_client::transport::{LoginKey, Transport, TransportError};
use crannog_core::check::Check;
use crannog_core::identity::create_account;
use crannog_proto::api::{Drop, Inbox, Principal, Register, Rung};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{AccountId, DeviceId, limits};
use crannog_seal::schedule::DeviceKeys;
use crannog_testkit::{Ask, Liar, Route, Said, Told, World};

use crate::listener::{Listener, world};

/// A device that has no engine.
struct Key(DeviceId, DeviceKeys);

impl LoginKey for Key {
    fn principal(&self) -> Principal {
        Principal::Device(self.0)
    }

    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.signing.sign(&message(label, statement)))
    }
}

/// Someone else with an account, behind the liar.
async fn mallory(world: &World) -> (Transport, AccountId) {
    let device = DeviceId(rand::random());
    let made = create_account("mallory", device, "laptop", 1_800_000_000_000, &mut rand::rng()).unwrap();
    let keys = DeviceKeys::new(&made.device_seed, &device.0);
    let transport = Transport::connect(world.liar.url().parse().unwrap()).unwrap();
    let (invite, account) = (world.site.invite().1, made.link.account_id());
    let register = Register {
        invite,
        link: made.link,
        secrets: made.sealed,
        home: made.home_genesis.entry,
    };
    transport.register(&register).await.unwrap();
    transport.set_login("mallory", Arc::new(Key(device, keys)));
    (transport, account)
}

/// Lies about whatever lies in an inbox.
fn tell_inbox(liar: &Liar, lie: impl Fn(&mut Vec<Drop>) + Send + 'static) {
    liar.tell(move |ask: &Ask, told: &mut Told| {
        if ask.route() == Route::Inbox {
            told.edit(|inbox: &mut Inbox| lie(&mut inbox.drops));
        }
    });
}

/// CHK-024: no more drops, and no larger ones, than there can be; all else an inbox may hide, repeat or make up.
#[tokio::test]
async fn an_inbox_in_a_liar_s_hands() {
    let world = world().await;
    let liar = &world.liar;
    let (mallory, own) = mallory(&world).await;
    mallory.inbox_put(&own, &[1; 4_096]).await.unwrap();
    let honest = mallory.inbox().await.unwrap().drops;
    assert_eq!(honest.len(), 1);

    tell_inbox(liar, Vec::clear);
    assert_eq!(mallory.inbox().await.unwrap().drops, [], "withheld");
    tell_inbox(liar, |drops| drops.extend(drops.clone()));
    assert_eq!(mallory.inbox().await.unwrap().drops.len(), 2, "repeated");
    for (count, size) in [(limits::INBOX_PAGE + 1, 4_096), (1, 4_097), (1, 1 << 20)] {
        tell_inbox(liar, move |drops| {
            let sealed = vec![1; size];
            *drops = vec![Drop { id: [1; 16], sealed }; count];
        });
        let error = mallory.inbox().await.unwrap_err();
        let bounds = matches!(
            error,
            TransportError::Misbehaved {
                check: Check::Bounds,
                ..
            }
        );
        assert!(bounds, "{error}");
    }
    liar.repent();
    mallory.inbox_done(&honest[0].id).await.unwrap();
    assert_eq!(mallory.inbox().await.unwrap().drops, []);
    let old = honest.clone();
    tell_inbox(liar, move |drops| drops.clone_from(&old));
    assert_eq!(mallory.inbox().await.unwrap().drops, honest, "replayed");
    liar.swallow(|ask| matches!(ask.route(), Route::DropInto(_)).then(Told::nothing));
    mallory.inbox_put(&own, &[2; 4_096]).await.unwrap();
    liar.repent();
    assert_eq!(mallory.inbox().await.unwrap().drops, [], "the honest twin");
}

/// A live server sees who drops something into whose inbox, and which of three sizes it has. It can keep the ring for itself, and ring
/// for nothing.
#[tokio::test]
async fn what_a_live_server_sees_of_a_drop() {
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    let (mallory, _) = mallory(&world).await;
    let alice = mallory.directory("alice").await.unwrap().links[0].account_id();
    let by_id = mallory.directory_of(&alice).await.unwrap();
    assert_eq!(by_id.name, "alice");
    world.liar.seen();
    mallory.inbox_put(&alice, &[1; 16_384]).await.unwrap();
    let rung = victim.bell.rung_for_inbox().await;
    let seen = world.liar.seen();
    let dropped: Vec<_> = seen
        .iter()
        .filter(|seen| seen.route == Route::DropInto(alice))
        .collect();
    let [dropped] = dropped[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(dropped.account.as_deref(), Some("mallory"));
    assert_eq!((dropped.asked, dropped.status, dropped.told), (16_384, 204, 0));

    world.liar.toll(|rung| match rung.heard {
        Rung::Inbox => Vec::new(),
        Rung::Journal(_) => vec![rung.said()],
    });
    mallory.inbox_put(&alice, &[2; 4_096]).await.unwrap();
    victim.bell.rung_for_inbox().await;
    for said in [rung.said(), rung.said(), Said::inbox()] {
        victim.bell.say(said);
    }
    victim.bell.answers().await;
    world.author.put("/after", b"after").await.unwrap();
    victim.sees("after").await;
    assert_eq!(victim.device.status().await.alarms, []);
    victim.device.close().await;
}
