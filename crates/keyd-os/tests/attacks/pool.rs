use crate::trial::{Trial, root};

fn starve(limit: usize) -> Vec<(usize, usize)> {
    let (lines, status) = Trial::start(&["starved", &limit.to_string()]).end();
    assert!(status.success(), "{lines:?}");
    assert_eq!(lines[0], "true", "ten thousand secrets, each whole");
    let pair = |line: &String| {
        let (locked, unlocked) = line.split_once(' ').unwrap();
        (locked.parse().unwrap(), unlocked.parse().unwrap())
    };
    lines[1..].iter().map(pair).collect()
}

#[test]
fn beyond_the_lock_limit_it_serves_and_counts() {
    if !root("giving up the right to lock beyond the limit") {
        return;
    }
    // Ten thousand slots of 64 bytes are ten slabs of 64 KiB.
    assert_eq!(starve(0), [(0, 640 * 1024), (0, 64 * 1024)]);
    let some = starve(200 * 1024);
    let (locked, unlocked) = some[0];
    assert!(
        locked > 0 && locked <= 200 * 1024 && locked + unlocked == 640 * 1024,
        "{some:?}"
    );
    assert_eq!(
        starve(8 << 20),
        [(640 * 1024, 0), (64 * 1024, 0)],
        "the honest twin"
    );
}

#[test]
fn no_descriptor_leads_to_the_memory() {
    let (lines, _) = Trial::start(&["descriptors"]).end();
    assert_eq!(lines, ["0"]);
}
