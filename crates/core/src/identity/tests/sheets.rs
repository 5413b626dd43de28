//! The recovery sheet: attack row 33.

use crannog_proto::ServerUrl;
use crannog_seal::schedule::RecoveryWords;

use crate::check::Check;
use crate::identity::*;
use crate::journal::tests::world::{TestRng, author, person};

fn sheet() -> (NewAccount, String) {
    let alice = person("alice");
    let server: ServerUrl = format!("crannog://cloud.example:4433#{}", "ab".repeat(32))
        .parse()
        .unwrap();
    let words = RecoveryWords::parse(&alice.words.phrase()).unwrap();
    let text = RecoverySheet::new(server, words, &alice.chain)
        .format()
        .to_string();
    (alice, text)
}

#[test]
fn a_sheet_comes_back_and_words_may_stand_alone() {
    let (alice, text) = sheet();
    assert_eq!(text.lines().count(), 6);
    let WrittenWords::Sheet(parsed) = WrittenWords::parse(&text).unwrap() else {
        panic!()
    };
    assert_eq!(*parsed.format(), text);
    assert!(WrittenWords::parse(&text.replace('\n', "  \r\n\r\n")).is_ok());
    let alone = WrittenWords::parse(&format!("  {}\n", *alice.words.phrase())).unwrap();
    assert!(matches!(alone, WrittenWords::Words(_)));
    assert_eq!(alone.check_floor(&alice.chain), Ok(()));
    let shown = format!("{parsed:?}");
    assert!(
        alice
            .words
            .words()
            .all(|word| !shown.contains(&format!("{word} "))),
        "{shown}"
    );
}

#[test]
fn each_mistake_has_its_own_error() {
    let (_, text) = sheet();
    let error = |text: &str| WrittenWords::parse(text).err();
    for key in ["server", "name", "root", "link", "words"] {
        let without: String = text
            .lines()
            .filter(|line| !line.starts_with(key))
            .map(|l| format!("{l}\n"))
            .collect();
        assert_eq!(error(&without), Some(SheetError::Line(key)));
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        assert_eq!(error(&format!("{text}{line}\n")), Some(SheetError::Line(key)));
    }
    assert_eq!(
        error(&format!("{text}colour: blue\n")),
        Some(SheetError::UnknownLine(7))
    );
    assert!(matches!(
        error(&text.replace("sheet 1", "sheet 2")),
        Some(SheetError::Line(_) | SheetError::Words(_))
    ));
    let other = person("bob");
    let line = text.lines().last().unwrap();
    let swapped = text.replace(line, &format!("words: {}", *other.words.phrase()));
    assert_eq!(error(&swapped), Some(SheetError::OtherWords));
}

#[test]
fn chk_027_a_chain_below_the_sheets_floor() {
    let alice = person("alice");
    let mut rng = TestRng::new("floor");
    let first = author(&alice).device;
    let two = revoke_then(&alice, first, &mut rng);
    let server: ServerUrl = format!("crannog://cloud.example:4433#{}", "ab".repeat(32))
        .parse()
        .unwrap();
    let words = RecoveryWords::parse(&alice.words.phrase()).unwrap();
    let sheet = RecoverySheet::new(server, words, &two.chain);
    let written = WrittenWords::Sheet(Box::new(sheet));
    assert_eq!(written.check_floor(&two.chain), Ok(()));
    assert_eq!(
        written.check_floor(&alice.chain),
        Err(Check::Sheet),
        "an older state"
    );
    let fork = revoke_then(&alice, first, &mut TestRng::new("fork"));
    assert_eq!(
        written.check_floor(&fork.chain),
        Err(Check::Sheet),
        "another past"
    );
    assert_eq!(written.check_floor(&person("bob").chain), Err(Check::Root));
}

fn revoke_then(alice: &NewAccount, device: crannog_proto::DeviceId, rng: &mut TestRng) -> NewLink {
    revoke_device(&alice.chain, &alice.secrets, device, rng).unwrap()
}
