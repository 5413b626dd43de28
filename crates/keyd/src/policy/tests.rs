use std::collections::BTreeMap;
use std::io;

use crannog_keyd_keys::KeyName;
use crannog_keyd_os::{DirectoryError, GroupId, UserId};
use proptest::prelude::*;

use super::*;

/// A directory of users in memory.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) users: BTreeMap<&'static str, u32>,
    pub(crate) groups: BTreeMap<&'static str, u32>,
    pub(crate) members: Vec<(u32, u32)>,
    pub(crate) fails: bool,
}

/// `www` (33) is in `shop` (500); `mallory` (66) is in nothing.
pub(crate) fn directory() -> Directory {
    Directory {
        users: BTreeMap::from([("www", 33), ("mallory", 66)]),
        groups: BTreeMap::from([("shop", 500), ("empty", 501)]),
        members: vec![(33, 500)],
        fails: false,
    }
}

impl Directory {
    fn answer<T>(&self, answer: T) -> Result<T, DirectoryError> {
        if self.fails {
            Err(io::Error::other("no answer").into())
        } else {
            Ok(answer)
        }
    }
}

impl Names for Directory {
    fn user(&self, name: &str) -> Result<Option<UserId>, DirectoryError> {
        self.answer(self.users.get(name).copied().map(UserId::from_number))
    }

    fn group(&self, name: &str) -> Result<Option<GroupId>, DirectoryError> {
        self.answer(self.groups.get(name).copied().map(GroupId::from_number))
    }

    fn is_member(&self, user: UserId, group: GroupId) -> Result<bool, DirectoryError> {
        self.answer(self.members.contains(&(user.number(), group.number())))
    }
}

fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

fn parse(text: &str) -> Result<(Policy, Vec<Warning>), PolicyError> {
    Policy::parse(text, &directory())
}

fn policy(rules: &str) -> Policy {
    parse(&format!("format = 1\n{rules}")).unwrap().0
}

fn facts(text: &str, policy: &Policy) -> Facts {
    Facts::supposed(text, policy, &directory()).unwrap()
}

const PAGE: &str = r#"
format = 1

[[rule]]
name = "shop"
subjects = ["group:shop", "socket:shop+user:www"]
keys = ["shop-*", "session"]
allow = ["encrypt", "decrypt", "rewrap", "datakey-plaintext", "read"]

[[rule]]
name = "nobody decrypts the archive here"
subjects = ["any"]
keys = ["*-archive"]
deny = ["decrypt", "datakey-plaintext", "export"]

[[rule]]
name = "backup host"
subjects = ["account:0101010101010101010101010101010101010101010101010101010101010101"]
keys = ["backup"]
allow = ["encrypt"]

[[rule]]
name = "watch"
subjects = ["uid:66"]
allow = ["status"]
"#;

#[test]
fn the_example_of_the_page() {
    let (policy, warnings) = parse(PAGE).unwrap();
    assert_eq!(warnings, []);
    let decide = |who: &str, op, key: &str| {
        let decision = policy.decide(&facts(who, &policy), op, Some(&name(key)));
        (decision.allowed(), decision.rule().map(str::to_owned))
    };
    let says = |allowed, rule: &str| (allowed, Some(rule.to_owned()));
    let archive = "nobody decrypts the archive here";

    assert_eq!(decide("user:www", Op::Decrypt, "shop-orders"), says(true, "shop"));
    assert_eq!(decide("user:www", Op::Sign, "shop-orders"), (false, None));
    assert_eq!(
        decide("user:www", Op::Decrypt, "shop-archive"),
        says(false, archive)
    );
    assert_eq!(
        decide("user:www", Op::Encrypt, "shop-archive"),
        says(true, "shop")
    );
    assert_eq!(decide("user:mallory", Op::Decrypt, "shop-orders"), (false, None));
    assert_eq!(
        decide("user:mallory", Op::Decrypt, "shop-archive"),
        says(false, archive)
    );

    let account = format!("account:{}", "01".repeat(32));
    assert_eq!(decide(&account, Op::Encrypt, "backup"), says(true, "backup host"));
    assert_eq!(decide(&account, Op::Decrypt, "backup"), (false, None));
    // `any` stands for nobody remote.
    assert_eq!(decide(&account, Op::Decrypt, "shop-archive"), (false, None));

    let mallory = facts("user:mallory", &policy);
    assert!(policy.decide(&mallory, Op::Status, None).allowed());
    assert!(
        !policy
            .decide(&mallory, Op::Status, Some(&name("session")))
            .allowed()
    );
    assert!(
        !policy
            .decide(&facts("user:www", &policy), Op::Encrypt, None)
            .allowed()
    );
    assert!(!policy.decide(&mallory, Op::Audit, None).allowed());
}

#[test]
fn a_list_shows_what_may_be_used_in_some_way() {
    let (policy, _) = parse(PAGE).unwrap();
    let www = facts("user:www", &policy);
    assert!(policy.shows(&www, &name("shop-archive")));
    assert!(!policy.shows(&www, &name("backup")));
    assert!(!policy.shows(&facts("user:mallory", &policy), &name("shop-orders")));
}

#[test]
fn an_explanation_names_every_rule() {
    let (policy, _) = parse(PAGE).unwrap();
    let explained = policy.explain(
        &facts("user:www", &policy),
        Op::Decrypt,
        Some(&name("shop-archive")),
    );
    assert!(!explained.decision.allowed());
    let looked: Vec<_> = explained
        .looked_at
        .iter()
        .map(|one| (one.subject.as_deref(), one.pattern.as_deref(), one.says))
        .collect();
    assert_eq!(
        looked,
        [
            (Some("group:shop"), Some("shop-*"), Says::Allow),
            (Some("any"), Some("*-archive"), Says::Deny),
            (None, None, Says::Nothing),
            (None, None, Says::Nothing),
        ]
    );
}

#[test]
fn key_009_a_certificate_counts_only_where_a_rule_names_it() {
    let policy = policy(
        r#"
[[rule]]
name = "tls alone"
subjects = ["socket:tls", "any"]
keys = ["*"]
allow = ["encrypt"]
[[rule]]
name = "pinned"
subjects = ["socket:tls+spki:sha256:0202020202020202020202020202020202020202020202020202020202020202"]
keys = ["one"]
allow = ["encrypt"]
"#,
    );
    let pinned = facts(&format!("spki:sha256:{}", "02".repeat(32)), &policy);
    let stranger = facts(&format!("cert:sha256:{}", "03".repeat(32)), &policy);
    assert!(policy.names_certificate(&pinned));
    assert!(!policy.names_certificate(&stranger));
    assert!(policy.decide(&pinned, Op::Encrypt, Some(&name("one"))).allowed());
    assert!(!policy.decide(&pinned, Op::Encrypt, Some(&name("two"))).allowed());
    assert!(
        !policy
            .decide(&stranger, Op::Encrypt, Some(&name("one")))
            .allowed()
    );
    assert!(!policy.names_certificate(&facts("any", &policy)));
}

#[test]
fn an_import_somewhere_is_enough_for_the_wrapping_key() {
    let (policy, _) = parse(&PAGE.replace("\"rewrap\"", "\"import\"")).unwrap();
    assert!(policy.allows_somewhere(&facts("user:www", &policy), Op::Import));
    assert!(!policy.allows_somewhere(&facts("user:www", &policy), Op::Export));
    assert!(!policy.allows_somewhere(&facts("user:mallory", &policy), Op::Import));
}

#[test]
fn key_010_a_faulty_file_is_refused_with_line_and_column() {
    let rule = "[[rule]]\nname = \"a\"\nsubjects = [\"any\"]\nkeys = [\"k\"]\nallow = [\"encrypt\"]\n";
    let good = format!("format = 1\n{rule}");
    assert!(parse(&good).is_ok());
    let at = |text: &str| {
        let error = parse(text).unwrap_err();
        (error.position.line, error.position.column, error.fault)
    };
    let subject = PolicyFault::Subject;
    let cases = [
        ("format = 1", "format = 2", 1, 10, PolicyFault::Format(2)),
        (
            "name = \"a\"",
            "name = \"\"",
            3,
            8,
            PolicyFault::RuleName("".into()),
        ),
        ("[\"any\"]", "[]", 3, 8, PolicyFault::NoSubject("a".into())),
        (
            "allow = [\"encrypt\"]",
            "",
            3,
            8,
            PolicyFault::NoOperation("a".into()),
        ),
        ("keys = [\"k\"]", "", 3, 8, PolicyFault::NoKeys("a".into())),
        (
            "\"encrypt\"",
            "\"status\"",
            3,
            8,
            PolicyFault::NoKeyOperation("a".into()),
        ),
        (
            "\"encrypt\"",
            "\"encrypt\", \"fly\"",
            6,
            21,
            PolicyFault::Operation("fly".into()),
        ),
        (
            "[\"k\"]",
            "[\n\"k\",\n  \"a b\"]",
            7,
            3,
            PolicyFault::Pattern("a b".into()),
        ),
        (
            "\"any\"",
            "\"ä\", \"uid:01\"",
            4,
            13,
            subject(SubjectError::Unknown("ä".into())),
        ),
        (
            "\"any\"",
            "\"any+uid:4294967295\"",
            4,
            13,
            subject(SubjectError::Number("uid:4294967295".into())),
        ),
        (
            "\"any\"",
            "\"gid:+1\"",
            4,
            13,
            subject(SubjectError::Number("gid:".into())),
        ),
        (
            "\"any\"",
            "\"user:\"",
            4,
            13,
            subject(SubjectError::Name("user:".into())),
        ),
        (
            "\"any\"",
            "\"cert:sha256:AB\"",
            4,
            13,
            subject(SubjectError::Digest("cert:sha256:AB".into())),
        ),
        (
            "\"any\"",
            "\"socket:a/b\"",
            4,
            13,
            subject(SubjectError::Name("socket:a/b".into())),
        ),
    ];
    for (from, to, line, column, fault) in cases {
        let text = good.replace(from, to);
        let (found_line, found_column, found) = at(&text);
        assert_eq!(found, fault, "{text}");
        assert_eq!((found_line, found_column), (line, column), "{text}");
    }
    assert_eq!(at(&format!("{good}{rule}")).2, PolicyFault::RuleName("a".into()));
    for text in [
        "",
        "format = 1\nextra = 1",
        "format = \"1\"",
        "format = 1\n[[rule]]",
        "format = 1\n[rule]",
        "format = 1\nformat = 1",
        &good.replace("keys", "key"),
        "\u{0}",
    ] {
        assert!(matches!(at(text).2, PolicyFault::Toml(_)), "{text}");
    }
    assert_eq!(at("format = 1\n\nname 5").0, 3);
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let kinds = |rule: &str| {
        let (_, warnings) = parse(&format!("format = 1\n[[rule]]\nname = \"r\"\n{rule}")).unwrap();
        let kinds: Vec<_> = warnings.into_iter().map(|warning| warning.kind).collect();
        kinds
    };
    let subjects = |subject: &str| {
        kinds(&format!(
            "subjects = [\"{subject}\"]\nkeys = [\"k\"]\nallow = [\"use\"]"
        ))
    };
    assert_eq!(
        subjects("user:nemo"),
        [WarningKind::UnknownName("user:nemo".into())]
    );
    for impossible in [
        "socket:tls",
        "uid:1+uid:2",
        "socket:a+socket:b",
        &format!("any+account:{}", "01".repeat(32)),
        &format!("uid:1+cert:sha256:{}", "01".repeat(32)),
        "user:www+socket:tls",
    ] {
        assert_eq!(subjects(impossible), [WarningKind::NeverHolds(impossible.into())]);
    }
    for possible in ["group:shop+group:empty", "user:www+uid:33", "any+socket:a"] {
        assert_eq!(subjects(possible), []);
    }
    assert_eq!(
        kinds("subjects = [\"any\"]\nkeys = [\"k\"]\nallow = [\"all\"]"),
        [WarningKind::AllForAny]
    );
    assert_eq!(
        kinds("subjects = [\"uid:1\"]\nkeys = [\"**\"]\nallow = [\"export\", \"datakey-plaintext\"]"),
        [
            WarningKind::SecretsOfAllKeys("export"),
            WarningKind::SecretsOfAllKeys("datakey-plaintext")
        ]
    );
}

#[test]
fn an_unknown_name_never_holds() {
    let (policy, _) = parse(
        &PAGE
            .replace("group:shop", "group:nemo")
            .replace("user:www", "user:nemo"),
    )
    .unwrap();
    assert!(!policy.shows(&facts("user:www+socket:shop", &policy), &name("session")));
    let silent = Directory {
        fails: true,
        ..directory()
    };
    let fault = Policy::parse(PAGE, &silent).unwrap_err().fault;
    assert_eq!(
        fault,
        PolicyFault::Subject(SubjectError::Directory("group:shop".into()))
    );
}

#[test]
fn key_010_a_rule_that_denies_knows_whom() {
    let text = |who: &str| {
        format!(
            "format = 1\n[[rule]]\nname = \"r\"\nsubjects = [\"{who}\"]\nkeys = [\"k\"]\ndeny = [\"decrypt\"]"
        )
    };
    assert!(parse(&text("user:www")).is_ok());
    let fault = Policy::parse(&text("user:nemo"), &directory()).unwrap_err().fault;
    assert_eq!(fault, PolicyFault::UnknownDenied("user:nemo".into()));
}

mod loading {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn key_010_a_file_that_others_can_write_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, PAGE).unwrap();
        let me = fs::metadata(&path).unwrap().uid();
        let with = |mode, owner| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            load(&path, UserId::from_number(owner), &directory())
        };
        for mode in [0o600, 0o640, 0o644, 0o400] {
            let loaded = with(mode, me).unwrap();
            assert_eq!(loaded.policy, parse(PAGE).unwrap().0);
            assert_eq!(
                loaded.sha256[..],
                *aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, PAGE.as_bytes()).as_ref()
            );
        }
        for mode in [0o620, 0o602, 0o666] {
            assert!(matches!(with(mode, me), Err(LoadError::Mode(found)) if found == mode));
        }
        assert!(matches!(with(0o640, me + 1), Err(LoadError::Owner(found)) if found == me));
        assert!(matches!(
            load(folder.path(), UserId::from_number(me), &directory()),
            Err(LoadError::NotAFile)
        ));
    }

    #[test]
    fn key_015_a_long_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let mut text = PAGE.to_owned();
        text.extend(std::iter::repeat_n('\n', (1 << 20) - text.len()));
        fs::write(&path, &text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let me = UserId::from_number(fs::metadata(&path).unwrap().uid());
        assert!(load(&path, me, &directory()).is_ok());
        text.push('\n');
        fs::write(&path, &text).unwrap();
        assert!(matches!(load(&path, me, &directory()), Err(LoadError::TooLarge)));
        fs::write(&path, b"\xFF").unwrap();
        assert!(matches!(load(&path, me, &directory()), Err(LoadError::Encoding)));
    }
}

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(
        prop::sample::select(vec![
            "encrypt", "decrypt", "use", "manage", "all", "list", "export",
        ]),
        0..3,
    )
}

/// Rules as a file has them, each without a name; some say nothing.
fn rules() -> impl Strategy<Value = Vec<(String, String, Vec<&'static str>, Vec<&'static str>)>> {
    let subject = prop::sample::select(vec![
        "any",
        "uid:33",
        "uid:66",
        "group:shop",
        "socket:clients+uid:33",
    ]);
    let pattern = "[ab*?]{1,3}";
    let rule = (subject.prop_map(str::to_owned), pattern, words(), words());
    prop::collection::vec(rule, 0..6)
}

fn written(rules: &[(String, String, Vec<&str>, Vec<&str>)]) -> Policy {
    let mut text = String::new();
    for (n, (subject, pattern, allow, deny)) in rules.iter().enumerate() {
        if !allow.is_empty() || !deny.is_empty() {
            text += &format!(
                "[[rule]]\nname = \"{n}\"\nsubjects = [\"{subject}\"]\nkeys = [\"{pattern}\"]\nallow = {allow:?}\ndeny = {deny:?}\n"
            );
        }
    }
    policy(&text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rules_does_not_matter(rules in rules(), key in "[ab]{1,3}", by in 0_usize..6) {
        let mut turned = rules.clone();
        turned.rotate_left(by.min(rules.len()));
        let mut reversed = rules.clone();
        reversed.reverse();
        let (policy, turned, reversed) = (written(&rules), written(&turned), written(&reversed));
        for who in ["user:www", "user:mallory"] {
            for op in Op::ALL {
                let key = op.needs_key().then(|| name(&key));
                let allowed = |policy: &Policy| policy.decide(&facts(who, policy), *op, key.as_ref()).allowed();
                prop_assert_eq!(allowed(&policy), allowed(&turned));
                prop_assert_eq!(allowed(&policy), allowed(&reversed));
            }
        }
    }

    #[test]
    fn what_no_rule_allows_is_denied_and_a_denial_outweighs(rules in rules(), key in "[ab]{1,3}") {
        let policy = written(&rules);
        let www = facts("user:www", &policy);
        for op in Op::ALL.iter().filter(|op| op.needs_key()) {
            let key = name(&key);
            let explained = policy.explain(&www, *op, Some(&key));
            let counts = |says| {
                let mut looked = explained.looked_at.iter();
                looked.any(|one| one.says == says && one.subject.is_some() && one.pattern.is_some())
            };
            let allowed = counts(Says::Allow) && !counts(Says::Deny);
            prop_assert_eq!(explained.decision.allowed(), allowed);
            prop_assert_eq!(explained.decision.rule().is_some(), counts(Says::Allow) || counts(Says::Deny));
            // Fewer rules never allow more than the allowing ones do, and none allows anything.
            prop_assert!(!Policy::default().decide(&www, *op, Some(&key)).allowed());
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,200}") {
        let _ = parse(&text);
    }
}
