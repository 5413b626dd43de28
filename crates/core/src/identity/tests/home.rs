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
    assert_eq!(home.vouch(&PHOTOS), Some(&seen(7)));
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
