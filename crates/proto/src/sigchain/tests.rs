use super::is_account_name;

#[test]
fn account_names() {
    for good in ["alice", "a1", "news-room", "a-b-c"] {
        assert!(is_account_name(good), "{good}");
    }
    for bad in [
        "",
        "a",
        "-a",
        "a-",
        "1a",
        "Alice",
        "al ice",
        "älice",
        "a.b",
        &"a".repeat(33),
    ] {
        assert!(!is_account_name(bad), "{bad}");
    }
}
