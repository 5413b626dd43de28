//! Both label lists together (docs/adr/0004-label-lists.md).

#[test]
fn labels_are_unique_and_prefix_free() {
    let derived = crannog_seal::labels::ALL.iter().map(|label| label.as_str());
    let all: Vec<&str> = crannog_proto::labels::ALL
        .iter()
        .copied()
        .chain(derived)
        .collect();
    for (at, a) in all.iter().enumerate() {
        assert!(a.is_ascii() && a.starts_with("crannog/1 "), "{a}");
        for (other, b) in all.iter().enumerate() {
            assert!(at == other || !b.starts_with(a), "{a:?} is a prefix of {b:?}");
        }
    }
}
