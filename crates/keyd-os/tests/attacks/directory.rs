use crannog_keyd_os::{GroupId, Linux, Platform, UserId};

#[test]
fn the_directory_knows_root_and_not_everybody() {
    let system = Linux::new();
    let (root, group) = (UserId::from_number(0), GroupId::from_number(0));
    assert_eq!(system.user_named("root").unwrap(), Some(root));
    assert_eq!(system.user_named("nobody-has-this-name").unwrap(), None);
    assert_eq!(system.group_named("nobody-has-this-name").unwrap(), None);
    assert!(system.is_member(root, group).unwrap());
    assert!(!system.is_member(root, GroupId::from_number(54_321)).unwrap());
    assert!(
        !system.is_member(UserId::from_number(54_321), group).unwrap(),
        "unknown users are in no group"
    );
}
