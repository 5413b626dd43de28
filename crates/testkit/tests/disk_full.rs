//! Full and read-only disks, on either side, and quotas: refused clearly, nothing half written, and it goes on when there is room.

mod bin;

use std::fs;
use std::path::Path;
use std::process::Command;

use bin::disk::{Small, may_mount};
use bin::tree::{assert_same, same_bytes};
use bin::{Device, Dice, Scratch, Server};

const MIB: usize = 1 << 20;

/// Files of random bytes in a folder.
fn fill(folder: &Path, files: usize, len: usize, dice: &mut Dice) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..files {
        fs::write(folder.join(number.to_string()), dice.bytes(len)).unwrap();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Gets everything on a device made from the words, and compares.
fn identical(scratch: &Scratch, invite: &serde_json::Value, words: &Path, folders: &[&Path]) {
    let fresh = Device::new(scratch.path(), "fresh");
    fresh.recover(invite, "alice", words);
    let back = scratch.join("back");
    fs::create_dir_all(&back).unwrap();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        fresh.ok(["get", "-r", &format!("/{name}"), text(&back)]);
        assert_same(folder, &back.join(name));
    }
    fresh.verify_store();
}

/// A put that the server has no room for, in either way that a command may say it.
#[track_caller]
fn refused(done: &bin::Done) {
    let said = match done.code {
        8 => done.error() == "quota" && !done.text("hint").is_empty(),
        3 => done.failed().contains(&"quota"),
        _ => false,
    };
    assert!(said, "{done:?}");
}

/// The local disk refused: all of it, or single files.
#[track_caller]
fn local_io(done: &bin::Done) {
    let said = match done.code {
        1 => done.error() == "local_io",
        3 => done.failed().contains(&"local_io"),
        _ => false,
    };
    assert!(said, "{done:?}");
}

#[test]
fn a_full_server() {
    if !may_mount("the server's disk is full") {
        return;
    }
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let disk = Small::memory(scratch.join("disk"), "40m");
    let server = Server::start(&disk.0.join("data"));
    let invite = server.invite("4GiB");
    let device = Device::new(scratch.path(), "laptop");
    let words = device.join(&invite, "alice");
    let (first, second, tiny) = (
        scratch.join("first"),
        scratch.join("second"),
        scratch.join("tiny"),
    );
    fill(&first, 3, 4 * MIB, &mut dice);
    fill(&second, 10, 6 * MIB, &mut dice);
    fill(&tiny, 20, 500, &mut dice);
    device.ok(["put", "-r", text(&first), "/"]);
    let done = device.run(["put", "-r", text(&second), "/"]);
    refused(&done);
    assert_eq!((done.code, done.error()), (8, "quota"), "{done:?}");
    // What was acknowledged is there, and can be read, while the disk is full.
    device.ok(["get", "-r", "/first", text(&scratch.join("again"))]);
    assert_same(&first, &scratch.join("again"));
    server.fsck();
    device.verify_store();
    disk.remount("size=200m");
    device.ok(["put", "-r", text(&second), "/"]);
    device.ok(["put", "-r", text(&tiny), "/"]);
    identical(&scratch, &invite, &words, &[&first, &second, &tiny]);
    server.fsck();
    server.stop();
}

#[test]
fn a_read_only_server() {
    if !may_mount("the server's disk becomes read-only") {
        return;
    }
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let disk = Small::image(scratch.join("disk"), 128);
    let data = disk.0.join("data");
    let mut command = Command::new(bin::crannogd());
    // Its log does not lie on that disk.
    let log = scratch.join("log");
    let server = Server::try_launch_with_log(&mut command, &data, "127.0.0.1:0", &log).unwrap();
    let address = server.address.clone();
    let invite = server.invite("4GiB");
    let device = Device::new(scratch.path(), "laptop");
    let words = device.join(&invite, "alice");
    let (first, second) = (scratch.join("first"), scratch.join("second"));
    fill(&first, 3, 2 * MIB, &mut dice);
    fill(&second, 2, MIB, &mut dice);
    device.ok(["put", "-r", text(&first), "/"]);
    // What the kernel does when a disk answers with errors.
    disk.remount("abort");
    let done = device.run(["put", "-r", text(&second), "/"]);
    println!("{}", fs::read_to_string(&log).unwrap());
    refused(&done);
    device.ok(["ls", "/first"]);
    server.kill();
    disk.mount_again();
    let server = Server::start_at(&data, &address);
    device.ok(["put", "-r", text(&second), "/"]);
    identical(&scratch, &invite, &words, &[&first, &second]);
    server.fsck();
    server.stop();
    // A disk that is read-only from the start: a clear refusal.
    disk.remount("ro");
    let mut command = Command::new(bin::crannogd());
    let said = Server::try_launch_with_log(&mut command, &data, &address, &log).unwrap_err();
    assert!(said.to_lowercase().contains("read-only"), "{said}");
}

#[test]
fn a_full_device() {
    if !may_mount("the device's disk is full") {
        return;
    }
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let server = Server::start(&scratch.join("server"));
    let invite = server.invite("4GiB");
    let device = Device::new(scratch.path(), "laptop");
    let words = device.join(&invite, "alice");
    let (many, large) = (scratch.join("many"), scratch.join("large"));
    fill(&many, 2000, 600, &mut dice);
    fill(&large, 3, 9 * MIB, &mut dice);
    device.ok(["put", "-r", text(&large), "/"]);

    // Get into a full disk: said, and no half file under a final name.
    let disk = Small::memory(scratch.join("disk"), "20m");
    let to = disk.0.join("to");
    fs::create_dir(&to).unwrap();
    let done = device.run(["get", "-r", "/large", text(&to)]);
    local_io(&done);
    let mut whole = 0;
    for number in 0..3 {
        let name = format!("large/{number}");
        if to.join(&name).exists() {
            assert!(
                same_bytes(&scratch.join(&name), &to.join(&name)),
                "{name} is half written"
            );
            whole += 1;
        }
    }
    assert!(whole < 3, "the disk was not full");
    let done = device.run(["get", "/large/0", "/large/1", "/large/2", text(&disk.0)]);
    local_io(&done);
    disk.remount("size=100m");
    device.ok(["get", "-r", "/large", text(&to)]);
    assert_same(&large, &to.join("large"));

    // A profile on a full disk: a clear error, and after room the same command does it.
    let home = Small::memory(scratch.join("small"), "6m");
    let phone = Device::at(scratch.path(), &home.0.join("phone"));
    phone.recover(&invite, "alice", &words);
    phone.ok(["ls", "/"]);
    let stuff = home.0.join("stuff");
    let mut free = 6 * MIB;
    while free > 0 && fs::write(&stuff, vec![1; free]).is_err() {
        free -= 64 << 10;
    }
    let done = phone.run(["put", "-r", text(&many), "/"]);
    local_io(&done);
    fs::remove_file(&stuff).unwrap();
    home.remount("size=60m");
    phone.ok(["put", "-r", text(&many), "/"]);
    identical(&scratch, &invite, &words, &[&large, &many]);
    server.fsck();
    server.stop();
}

#[test]
fn a_full_quota() {
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let server = Server::start(&scratch.join("server"));
    let invite = server.invite("24MiB");
    let device = Device::new(scratch.path(), "laptop");
    let words = device.join(&invite, "alice");
    let (first, second) = (scratch.join("first"), scratch.join("second"));
    fill(&first, 4, 4 * MIB, &mut dice);
    fill(&second, 4, 4 * MIB, &mut dice);
    device.ok(["put", "-r", text(&first), "/"]);
    let done = device.run(["put", "-r", text(&second), "/"]);
    refused(&done);
    assert_eq!((done.code, done.error()), (8, "quota"), "{done:?}");
    assert!(server.used("alice") <= 24 << 20, "more than the quota is used");
    // Deleting is always possible, and makes room.
    device.ok(["rm", "-r", "/first"]);
    device.ok(["trash", "empty", "--yes"]);
    device.ok(["put", "-r", text(&second), "/"]);
    identical(&scratch, &invite, &words, &[&second]);
    // So does the operator.
    device.run(["put", "-r", text(&first), "/"]).must_fail(8, "quota");
    server.admin(&["quota", "set", "alice", "1GiB"]);
    device.ok(["put", "-r", text(&first), "/"]);
    fs::remove_dir_all(scratch.join("back")).unwrap();
    let fresh = Device::new(scratch.path(), "third");
    fresh.recover(&invite, "alice", &words);
    fresh.ok(["get", "-r", "/", text(&scratch.join("back"))]);
    assert_same(&first, &scratch.join("back/first"));
    assert_same(&second, &scratch.join("back/second"));
    server.fsck();
    server.stop();
}

/// A file that is larger than all the room there is: refused, what was whole stays, and the agent is well.
#[test]
fn a_file_larger_than_the_quota() {
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let server = Server::start(&scratch.join("server"));
    let device = Device::new(scratch.path(), "laptop");
    device.join(&server.invite("24MiB"), "alice");
    let folder = scratch.join("folder");
    fill(&folder, 1, 64 * MIB, &mut dice);
    let agent = device.agents();
    let done = device.run(["put", "-r", text(&folder), "/"]);
    assert_eq!((done.code, done.error()), (8, "quota"), "{done:?}");
    assert_eq!(device.agents(), agent, "the same agent lives");
    let top = device.ok(["ls", "/"]);
    assert_eq!(top[0]["path"], "folder", "{top}");
    assert_eq!(device.ok(["ls", "/folder"]), serde_json::json!([]));
    let log = fs::read_to_string(device.home.join("agent.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
    server.fsck();
    server.stop();
}
