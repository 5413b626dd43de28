//! The fold of home.

use crannog_proto::sigchain::Cite;
use crannog_proto::{AccountId, DeviceId, Hash, JournalId, Seen};
use crannog_seal::schedule::EpochSecrets;

use crate::drive::NodeId;
use crate::identity::*;
use crate::journal::tests::world::{TestRng, person};
use crate::journal::{EpochGrant, JournalKind, Role};

const PHOTOS: JournalId = JournalId([1; 32]);
const WORK: JournalId = JournalId([2; 32]);
const LAPTOP: DeviceId = DeviceId([3; 16]);
const PHONE: DeviceId = DeviceId([4; 16]);

fn secrets(journal: JournalId, epoch: u64) -> HomeOp {
    let secrets = EpochSecrets::generate(&journal.0, epoch, &mut TestRng::new("home state"));
    HomeOp::Secrets {
        journal,
        kind: JournalKind::Drive,
        epoch,
        grant: EpochGrant::for_role(&secrets, Role::Admin),
    }
}

#[test]
fn the_last_operation_per_key_counts() {
    let root = person("bob").chain.root;
    let account = AccountId([5; 32]);
    let chain = Cite {
        account,
        seq: 0,
        head: Hash([5; 32]),
    };
    let mut home = HomeState::default();
    let named = |name: &str| HomeOp::DriveNamed {
        journal: PHOTOS,
        name: name.into(),
    };
    let ops = [
        secrets(PHOTOS, 0),
        secrets(WORK, 0),
        secrets(PHOTOS, 1),
        named("Fotos"),
        named("Photos"),
        HomeOp::DefaultDrive { journal: WORK },
        HomeOp::Head {
            journal: PHOTOS,
            seq: 1,
            head: Hash([1; 32]),
        },
        HomeOp::Head {
            journal: PHOTOS,
            seq: 2,
            head: Hash([2; 32]),
        },
        HomeOp::DeviceNamed {
            device: LAPTOP,
            name: "laptop".into(),
        },
        HomeOp::Vouch {
            journal: PHOTOS,
            seq: 7,
            head: Hash([7; 32]),
            through: 6,
        },
        HomeOp::Pin {
            account,
            name: "bob".into(),
            root,
            chain,
            verified: 0,
        },
        HomeOp::Pin {
            account,
            name: "bob".into(),
            root,
            chain,
            verified: 1,
        },
        HomeOp::Mount {
            journal: WORK,
            drive: PHOTOS,
            node: NodeId::ROOT,
        },
        HomeOp::Accepted { drop: [8; 16] },
    ];
    ops.iter().for_each(|op| home.apply(&LAPTOP, op));
    home.apply(
        &PHONE,
        &HomeOp::Head {
            journal: PHOTOS,
            seq: 9,
            head: Hash([9; 32]),
        },
    );
    let home = HomeState::restore(&home.snapshot()).unwrap();
    let drives: Vec<_> = home.drives().collect();
    assert_eq!(
        drives[0],
        DriveView {
            journal: PHOTOS,
            name: Some("Photos"),
            epoch: 1
        }
    );
    assert_eq!(
        drives[1],
        DriveView {
            journal: WORK,
            name: None,
            epoch: 0
        }
    );
    let heads: Vec<_> = home.heads(&PHOTOS).collect();
    let seen = |n: u8| Seen {
        seq: n.into(),
        head: Hash([n; 32]),
    };
    assert_eq!(heads, [(&LAPTOP, &seen(2)), (&PHONE, &seen(9))]);
    assert_eq!(home.heads(&WORK).count(), 0);
    assert_eq!(
        home.vouch(&PHOTOS),
        Some(&Vouch {
            at: seen(7),
            through: 6
        })
    );
    assert_eq!(home.pin(&account).unwrap().verified, 1);
    assert_eq!(home.pins().count(), 1);
    assert_eq!(home.mount(&WORK), Some(&(PHOTOS, NodeId::ROOT)));
    assert_eq!(
        (home.default_drive(), home.device_name(&LAPTOP)),
        (Some(&WORK), Some("laptop"))
    );
    assert!(home.is_accepted(&[8; 16]) && !home.is_accepted(&[9; 16]));
    assert!(home.secrets(&PHOTOS, 0).is_some() && home.secrets(&PHOTOS, 2).is_none());
    assert!(!format!("{home:?}").contains('['.to_string().repeat(2).as_str()));
}

#[test]
fn a_removed_drive_leaves_nothing() {
    let mut home = HomeState::default();
    for op in [
        secrets(PHOTOS, 0),
        HomeOp::DefaultDrive { journal: PHOTOS },
        HomeOp::DriveRemoved { journal: PHOTOS },
    ] {
        home.apply(&LAPTOP, &op);
    }
    assert_eq!(*home.snapshot(), *HomeState::default().snapshot());
    let mut unknown = home.snapshot().to_vec();
    unknown[0] = 9;
    assert!(HomeState::restore(&unknown).is_err());
}

fn invited(drop: u8, note: u8) -> HomeOp {
    HomeOp::Invited {
        drop: [drop; 16],
        note: vec![note].into(),
    }
}

fn folded(ops: impl IntoIterator<Item = HomeOp>) -> HomeState {
    let mut home = HomeState::default();
    ops.into_iter().for_each(|op| home.apply(&LAPTOP, &op));
    HomeState::restore(&home.snapshot()).unwrap()
}

fn waiting(home: &HomeState) -> Vec<(u8, u8)> {
    home.invites().map(|(drop, note)| (drop[0], note[0])).collect()
}

#[test]
fn invites_wait_in_order_until_they_are_settled() {
    let accepted = |drop: u8| HomeOp::Accepted { drop: [drop; 16] };
    let home = folded([
        invited(2, 0),
        invited(1, 0),
        invited(3, 0),
        accepted(1),
        invited(2, 9),
    ]);
    assert_eq!(
        waiting(&home),
        [(2, 9), (3, 0)],
        "one recorded again keeps its place"
    );
    let home = folded([accepted(1), invited(1, 0)]);
    assert_eq!(waiting(&home), [], "another device was quicker");
    assert!(!format!("{:?}", folded([invited(1, 0xAB)])).contains("171"));
}

#[test]
fn at_most_256_invites_wait_and_the_oldest_go_first() {
    let many = (0..300_u32).map(|number| {
        let mut drop = [0; 16];
        drop[..4].copy_from_slice(&number.to_be_bytes());
        HomeOp::Invited {
            drop,
            note: Vec::new().into(),
        }
    });
    let home = folded(many);
    assert_eq!(home.invites().count(), 256);
    assert_eq!(home.invites().next().unwrap().0[..4], 44_u32.to_be_bytes());
}

#[test]
fn removals_are_decided_and_taken_back() {
    let removal = |journal, account: u8, wanted| HomeOp::Removal {
        journal,
        account: AccountId([account; 32]),
        wanted,
    };
    let home = folded([
        removal(PHOTOS, 9, true),
        removal(PHOTOS, 0, true),
        removal(WORK, 5, true),
        removal(PHOTOS, 9, false),
        removal(PHOTOS, 7, false),
        removal(PHOTOS, 0xFF, true),
    ]);
    let of = |journal| {
        home.removals(&journal)
            .map(|account| account.0[0])
            .collect::<Vec<_>>()
    };
    assert_eq!((of(PHOTOS), of(WORK)), (vec![0, 0xFF], vec![5]));
}

#[test]
fn mounts_and_shares() {
    let node = |byte: u8| NodeId([byte; 16]);
    let mount = |journal, drive, at| HomeOp::Mount {
        journal,
        drive,
        node: node(at),
    };
    let sharing = |journal, done| HomeOp::Sharing {
        journal,
        drive: WORK,
        node: node(4),
        done,
    };
    let third = JournalId([3; 32]);
    let ops = [
        mount(PHOTOS, WORK, 1),
        mount(PHOTOS, WORK, 2),
        mount(third, WORK, 3),
        sharing(PHOTOS, false),
        sharing(third, false),
        sharing(PHOTOS, true),
    ];
    let home = folded(ops.clone());
    assert_eq!(home.mounted_at(&WORK, &node(1)), None);
    assert_eq!(home.mounted_at(&WORK, &node(2)), Some(PHOTOS));
    assert_eq!(home.mounted_at(&PHOTOS, &node(2)), None);
    assert_eq!(
        home.mounts().collect::<Vec<_>>(),
        [(PHOTOS, WORK, node(2)), (third, WORK, node(3))]
    );
    assert_eq!(
        home.mounts_in(WORK).collect::<Vec<_>>(),
        [(node(2), PHOTOS), (node(3), third)]
    );
    assert_eq!(home.sharing().collect::<Vec<_>>(), [(third, WORK, node(4))]);
    for gone in [third, WORK] {
        let home = folded(
            ops.clone()
                .into_iter()
                .chain([HomeOp::DriveRemoved { journal: gone }]),
        );
        assert_eq!(home.sharing().count(), 0);
        assert!(
            home.mounts()
                .all(|(journal, drive, _)| journal != gone && drive != gone)
        );
    }
    let removal = HomeOp::Removal {
        journal: PHOTOS,
        account: AccountId([1; 32]),
        wanted: true,
    };
    let home = folded([removal, HomeOp::DriveRemoved { journal: PHOTOS }]);
    assert_eq!(home.removals(&PHOTOS).count(), 0);
}

/// A database that the version before wrote.
#[test]
fn a_snapshot_without_shares_is_read() {
    let home = folded([secrets(PHOTOS, 0), HomeOp::Accepted { drop: [1; 16] }]);
    let now = home.snapshot();
    let mut before = now[..now.len() - 12].to_vec();
    before[0] = 1;
    assert_eq!(*HomeState::restore(&before).unwrap().snapshot(), *now);
    before.pop();
    assert!(HomeState::restore(&before).is_err());
}
