use std::net::SocketAddr;

use crannog_keyd_keys::KeyName;
use crannog_keyd_os::{Decoration, GroupId, Peer, UserId};
use proptest::prelude::*;

use super::*;
use crate::policy::tests::{Directory, directory};
use crate::policy::{Op, Policy};

fn peer(user: Option<u32>, group: Option<u32>, groups: &[u32]) -> Peer {
    Peer {
        user: user.map(UserId::from_number),
        group: group.map(GroupId::from_number),
        groups: groups.iter().copied().map(GroupId::from_number).collect(),
        decoration: Decoration::default(),
    }
}

/// Encrypting is allowed for the subject.
fn policy(subject: &str) -> Policy {
    let text = format!(
        "format = 1\n[[rule]]\nname = \"r\"\nsubjects = [\"{subject}\"]\nkeys = [\"k\"]\nallow = [\"encrypt\"]"
    );
    Policy::parse(&text, &directory()).unwrap().0
}

fn may(policy: &Policy, facts: &Facts) -> bool {
    let key = KeyName::parse("k").unwrap();
    policy.decide(facts, Op::Encrypt, Some(&key)).allowed()
}

fn local(subject: &str, peer: &Peer, nss: Option<&Directory>) -> bool {
    let policy = policy(subject);
    let nss = nss.map(|nss| nss as &dyn crate::policy::Names);
    may(
        &policy,
        &Facts::of_peer(peer, SocketName::clients(), &policy, nss),
    )
}

#[test]
fn a_user_is_who_the_kernel_says() {
    let (www, nss) = (peer(Some(33), Some(33), &[]), directory());
    for subject in [
        "user:www",
        "uid:33",
        "any",
        "socket:clients",
        "uid:33+socket:clients",
    ] {
        assert!(local(subject, &www, Some(&nss)), "{subject}");
    }
    for subject in [
        "user:mallory",
        "uid:34",
        "gid:33",
        "socket:shop",
        "uid:33+socket:shop",
        "socket:tls",
    ] {
        assert!(!local(subject, &www, Some(&nss)), "{subject}");
    }
}

#[test]
fn key_008_a_group_needs_the_kernel_and_the_directory() {
    let nss = directory();
    let in_shop = [
        peer(Some(33), Some(500), &[]),
        peer(Some(33), Some(33), &[7, 500]),
    ];
    for subject in ["group:shop", "gid:500"] {
        for peer in &in_shop {
            assert!(local(subject, peer, Some(&nss)));
        }
        // Added since, but the process does not hold it yet.
        assert!(!local(subject, &peer(Some(33), Some(33), &[7]), Some(&nss)));
        // Removed since, but the process still holds it.
        let removed = Directory {
            members: Vec::new(),
            ..directory()
        };
        assert!(!local(subject, &in_shop[0], Some(&removed)));
        assert!(local(subject, &in_shop[0], None));
        // A directory that does not answer lists nobody; a rule for the user still holds.
        let silent = Directory {
            fails: true,
            ..directory()
        };
        assert!(!local(subject, &in_shop[1], Some(&silent)));
        assert!(local("uid:33", &in_shop[1], Some(&silent)));
    }
}

/// KEY-010: what a directory does not say, or says otherwise, lifts no denial; nor does a policy that came after the connection.
#[test]
fn key_010_a_denial_by_group_holds_by_the_kernels_word_alone() {
    let in_shop = peer(Some(33), Some(33), &[500]);
    let deny = "format = 1\n[[rule]]\nname = \"all\"\nsubjects = [\"any\"]\nkeys = [\"k\"]\nallow = [\"encrypt\"]\n\
                [[rule]]\nname = \"shop\"\nsubjects = [\"group:shop\"]\nkeys = [\"k\"]\ndeny = [\"encrypt\"]";
    let (later, _) = Policy::parse(deny, &directory()).unwrap();
    let before = policy("any");
    let (removed, silent) = (
        Directory {
            members: Vec::new(),
            ..directory()
        },
        Directory {
            fails: true,
            ..directory()
        },
    );
    for nss in [&directory(), &removed, &silent] {
        let facts = Facts::of_peer(&in_shop, SocketName::clients(), &before, Some(nss));
        assert!(may(&before, &facts) && !may(&later, &facts));
    }
    let other = Facts::of_peer(
        &peer(Some(33), Some(33), &[]),
        SocketName::clients(),
        &before,
        None,
    );
    assert!(may(&later, &other));
}

#[test]
fn key_008_who_has_no_number_here_matches_nothing_by_number() {
    let nobody = peer(None, None, &[]);
    let held = peer(None, Some(500), &[500]);
    for subject in ["uid:65534", "gid:65534", "uid:0", "group:shop"] {
        assert!(!local(subject, &nobody, Some(&directory())), "{subject}");
        assert!(!local(subject, &held, Some(&directory())), "{subject}");
    }
    // The socket's name is what is left.
    assert!(local("socket:clients", &nobody, Some(&directory())));
}

#[test]
fn no_local_socket_is_that_of_tls() {
    let policy = policy("socket:tls");
    let facts = Facts::of_peer(&peer(Some(33), None, &[]), SocketName::tls(), &policy, None);
    assert!(!may(&policy, &facts) && !facts.is_remote());
}

#[test]
fn root_and_the_service_administer() {
    let (policy, nss) = (policy("uid:0+socket:admin"), directory());
    let service = UserId::from_number(900);
    let admin = |uid| Facts::of_admin(&peer(uid, uid, &[]), service, &policy, Some(&nss));
    for uid in [0, 900] {
        let facts = admin(Some(uid)).unwrap();
        assert!(facts.is_admin());
        for op in [Op::Status, Op::Policy, Op::Audit] {
            assert!(policy.decide(&facts, op, None).allowed());
        }
        assert!(!policy.decide(&facts, Op::Random, None).allowed());
        // For keys an administrator needs a rule, as everybody.
        assert_eq!(may(&policy, &facts), uid == 0);
    }
    for uid in [None, Some(1), Some(33)] {
        assert_eq!(admin(uid), Err(NotAdmin));
    }
    let clients = Facts::of_peer(&peer(Some(0), Some(0), &[]), SocketName::clients(), &policy, None);
    assert!(!clients.is_admin() && !policy.decide(&clients, Op::Status, None).allowed());
}

fn hello() -> ProxyHello {
    ProxyHello {
        certificate: [1; 32],
        spki: [2; 32],
        account: Some([3; 32]),
        address: "192.0.2.7:51234".parse().unwrap(),
    }
}

#[test]
fn key_009_only_the_tls_process_asserts_certificates() {
    let tls = UserId::from_number(901);
    for uid in [None, Some(0), Some(33), Some(900)] {
        assert_eq!(
            Proxy::of_peer(&peer(uid, None, &[901]), tls).err(),
            Some(NotTheProxy)
        );
    }
    let facts = Proxy::of_peer(&peer(Some(901), None, &[500]), tls)
        .unwrap()
        .facts(&hello());
    let hex = |byte: u8| format!("{byte:02x}").repeat(32);
    for subject in [
        format!("cert:sha256:{}", hex(1)),
        format!("spki:sha256:{}", hex(2)),
        format!("account:{}", hex(3)),
        format!("account:{}+socket:tls", hex(3)),
    ] {
        assert!(may(&policy(&subject), &facts), "{subject}");
    }
    for subject in [
        format!("cert:sha256:{}", hex(2)),
        format!("account:{}", hex(1)),
        format!("account:{}+cert:sha256:{}", hex(3), hex(9)),
        format!("account:{}+any", hex(3)),
        format!("account:{}+uid:901", hex(3)),
        "uid:901".into(),
        "gid:500".into(),
        "any".into(),
        "socket:tls".into(),
        "socket:clients".into(),
    ] {
        assert!(!may(&policy(&subject), &facts), "{subject}");
    }
    let without = Proxy::of_peer(&peer(Some(901), None, &[]), tls)
        .unwrap()
        .facts(&ProxyHello {
            account: None,
            ..hello()
        });
    assert!(!may(&policy(&format!("account:{}", hex(0))), &without));
    assert!(!without.is_admin() && without.user().is_none());
}

#[test]
fn a_hello_is_laid_out_as_the_page_says() {
    let bytes = hello().to_bytes();
    let mut expected = b"CRKDPXY1".to_vec();
    expected.extend([1; 32]);
    expected.extend([2; 32]);
    expected.push(1);
    expected.extend([3; 32]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7]);
    expected.extend(51234_u16.to_be_bytes());
    assert_eq!((bytes.len(), &bytes), (ProxyHello::LEN, &expected));
}

#[test]
fn a_malformed_hello_is_refused() {
    let parse = |at: usize, byte: u8, hello: ProxyHello| {
        let mut bytes: [u8; ProxyHello::LEN] = hello.to_bytes().try_into().unwrap();
        bytes[at] = byte;
        ProxyHello::parse(&bytes)
    };
    let without = ProxyHello {
        account: None,
        ..hello()
    };
    assert_eq!(parse(7, b'2', hello()), Err(HelloError::Version));
    assert_eq!(parse(72, 2, hello()), Err(HelloError::Malformed));
    assert_eq!(parse(72, 0, hello()), Err(HelloError::Malformed));
    assert_eq!(parse(104, 1, without), Err(HelloError::Malformed));
    assert_eq!(parse(72, 0, without), Ok(without));
}

proptest! {
    #[test]
    fn a_hello_comes_back(
        certificate: [u8; 32],
        spki: [u8; 32],
        account: Option<[u8; 32]>,
        ip: [u8; 16],
        v4: Option<[u8; 4]>,
        port: u16,
    ) {
        let ip = v4.map_or_else(|| std::net::IpAddr::from(ip).to_canonical(), Into::into);
        let hello = ProxyHello { certificate, spki, account, address: SocketAddr::new(ip, port) };
        let bytes: [u8; ProxyHello::LEN] = hello.to_bytes().try_into().unwrap();
        prop_assert_eq!(ProxyHello::parse(&bytes), Ok(hello));
    }
}

#[test]
fn who_is_supposed_is_somebody_who_could_be() {
    let (policy, nss) = (policy("group:shop"), directory());
    let supposed = |text: &str| Facts::supposed(text, &policy, &nss);
    assert!(may(&policy, &supposed("user:www").unwrap()));
    assert!(may(&policy, &supposed("group:shop").unwrap()));
    assert!(!may(&policy, &supposed("user:mallory").unwrap()));
    assert_eq!(
        supposed("user:nemo"),
        Err(SupposedError::UnknownName("user:nemo".into()))
    );
    let account = format!("account:{}", "03".repeat(32));
    assert!(supposed(&format!("{account}+socket:tls")).unwrap().is_remote());
    for both in [
        "uid:1+uid:2",
        "socket:a+socket:b",
        "socket:tls+uid:1",
        &format!("{account}+any"),
    ] {
        assert_eq!(supposed(both), Err(SupposedError::Contradiction), "{both}");
    }
    assert!(supposed("uid:1+uid:1").is_ok());
    assert!(matches!(supposed("nobody"), Err(SupposedError::Subject(_))));
}

#[test]
fn the_audit_log_is_told_who_it_was() {
    let policy = policy("any");
    let facts = Facts::of_peer(
        &peer(Some(33), Some(500), &[]),
        SocketName::clients(),
        &policy,
        None,
    );
    let subject = facts.subject();
    assert_eq!((subject.uid, subject.gid), (Some(33), Some(500)));
    assert_eq!(subject.socket.as_deref(), Some("clients"));
    assert_eq!(facts.to_string(), "uid:33+socket:clients");

    let tls = UserId::from_number(901);
    let facts = Proxy::of_peer(&peer(Some(901), None, &[]), tls)
        .unwrap()
        .facts(&hello());
    let subject = facts.subject();
    assert_eq!((subject.uid, subject.gid), (None, None));
    assert_eq!(subject.cert.as_deref(), Some("01".repeat(32).as_str()));
    assert_eq!(subject.account.as_deref(), Some("03".repeat(32).as_str()));
    assert_eq!(facts.to_string(), format!("account:{}", "03".repeat(32)));
}
