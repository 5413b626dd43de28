//! Damage that the operator accepted: the log goes on, and what was lost stays named.

use std::sync::Arc;

use super::damage::{FIRST, ended};
use crate::folder::fake::Disk;
use crate::world::*;
use crate::*;

fn accept(disk: &Disk) -> Accepted {
    Log::accept_damage_in(&(Arc::new(disk.clone()) as Arc<_>), &vkey(), disk).unwrap()
}

/// Accepts, goes on, and says what `verify` then finds.
fn go_on(disk: &Disk) -> (Accepted, Vec<Problem>) {
    assert!(open(disk, small()).is_err());
    let accepted = accept(disk);
    let (log, opened) = open(disk, small()).unwrap();
    assert_eq!((opened.size, opened.repaired), (accepted.next + 1, None));
    for n in 0..9 {
        write(&log, &n.to_string());
    }
    let note = log.checkpoint().unwrap();
    drop(log);
    open(disk, small()).unwrap();
    (accepted, judge(disk, &[note]).problems)
}

#[test]
fn after_a_cut_tail_the_log_goes_on_where_the_anchor_was() {
    let disk = ended();
    let anchor = disk.anchor().unwrap();
    let name = format!("{:016}.jsonl", anchor.segment);
    let whole = disk.bytes(&name);
    for cut in [1, whole.len() / 2, whole.len()] {
        let disk = disk.copy();
        disk.put(&name, &whole[..whole.len() - cut]);
        let (accepted, problems) = go_on(&disk);
        assert_eq!((accepted.anchored, accepted.next), (anchor.size, anchor.size));
        assert_eq!(accepted.anchored_root, anchor.root);
        assert!(accepted.found < anchor.size);
        let lost = Problem::Missing {
            from: accepted.found,
            to: anchor.size - 1,
        };
        assert_eq!(problems, [lost], "{cut}");
    }
}

#[test]
fn after_the_loss_of_all_the_log_goes_on() {
    let disk = ended();
    let anchor = disk.anchor().unwrap();
    disk.take(FIRST);
    let (accepted, problems) = go_on(&disk);
    assert_eq!((accepted.found, accepted.next), (0, anchor.size));
    assert_eq!(problems, []);
    let first = lines(&disk).remove(0).record().unwrap().1;
    assert_eq!(first.event, Event::LogDamageAccepted);
    assert_eq!(
        first.detail.unwrap().fact("anchored"),
        Some(&Fact::Number(anchor.size))
    );
}

#[test]
fn notes_that_say_more_than_is_known_are_set_aside() {
    let disk = ended();
    let size = disk.anchor().unwrap().size;
    let beyond = Checkpoint {
        origin: ORIGIN.into(),
        size: size + 5,
        root: Hash::empty(),
    };
    let note = beyond.sign(&Signer::new(1)).unwrap().to_string();
    let before = [disk.bytes("checkpoints"), note.into_bytes()].concat();
    disk.put("checkpoints", &before);
    let aside = format!("checkpoints.damaged-{}", disk.anchor().unwrap().counter);
    let (accepted, problems) = go_on(&disk);
    assert_eq!((accepted.found, accepted.next), (size, size));
    assert_eq!(problems, []);
    assert_eq!(disk.bytes(&aside), before);
}

#[test]
fn without_an_anchor_the_log_goes_on_after_what_is_there() {
    let disk = ended();
    let size = disk.anchor().unwrap().size;
    disk.set_anchor(None);
    let (accepted, problems) = go_on(&disk);
    assert_eq!(
        (accepted.found, accepted.anchored, accepted.next),
        (size, 0, size)
    );
    assert_eq!(problems, []);
}
