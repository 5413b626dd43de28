//! What one device puts, a device made from the words alone gets: the same bytes, names, modes, times and links.

mod bin;

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use bin::tree::{assert_same, differences};
use bin::{Device, Dice, Scratch, Server};

const MIB: u64 = 1 << 20;

/// Writes a file of random bytes.
fn file(path: &Path, len: u64, dice: &mut Dice) {
    let mut file = File::create(path).unwrap();
    let mut left = len;
    while left > 0 {
        let piece = left.min(MIB);
        file.write_all(&dice.bytes(usize::try_from(piece).unwrap()))
            .unwrap();
        left -= piece;
    }
}

/// Gives a file or folder a time with nanoseconds.
fn stamp(path: &Path, dice: &mut Dice) {
    let time = Duration::new(
        dice.between(1, 4_000_000_000),
        u32::try_from(dice.below(1_000_000_000)).unwrap(),
    );
    let time = SystemTime::UNIX_EPOCH + time;
    File::open(path)
        .unwrap()
        .set_times(FileTimes::new().set_modified(time))
        .unwrap();
}

/// A link with a time of its own, which `touch -h` can set.
fn link(target: &str, at: &Path, time: &str) {
    symlink(target, at).unwrap();
    let status = Command::new("touch")
        .args(["-h", "-d", time])
        .arg(at)
        .status()
        .unwrap();
    assert!(status.success());
}

fn git(folder: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(words);
    for (name, value) in [("NAME", "A"), ("EMAIL", "a@example.invalid")] {
        command.env(format!("GIT_AUTHOR_{name}"), value);
        command.env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "git {words:?}: {output:?}");
}

/// A repository with history, an executable, a link, packed and loose objects.
fn repository(at: &Path, dice: &mut Dice) {
    fs::create_dir_all(at.join("src/deep")).unwrap();
    git(at, &["init", "-q", "-b", "main"]);
    for round in 0..3_u32 {
        for number in 0..20 {
            let text = format!("round {round}\n").repeat(usize::try_from(dice.between(1, 200)).unwrap());
            fs::write(at.join(format!("src/deep/{number}.txt")), text).unwrap();
        }
        fs::write(at.join("run.sh"), format!("#!/bin/sh\necho {round}\n")).unwrap();
        fs::set_permissions(at.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        let _ = symlink("src/deep/1.txt", at.join("latest"));
        git(at, &["add", "-A"]);
        git(at, &["commit", "-q", "-m", &format!("round {round}")]);
        git(at, &["tag", &format!("v{round}")]);
        if round == 1 {
            git(at, &["gc", "-q"]);
        }
    }
}

/// Everything that a file system of ours can hold.
fn make(top: &Path, large: u64, small: u64, dice: &mut Dice) {
    fs::create_dir_all(top.join("empty/below/below")).unwrap();
    fs::create_dir_all(top.join("small")).unwrap();
    file(&top.join("large"), large, dice);
    for number in 0..small {
        let folder = top.join(format!("small/{:02}", number % 37));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{number}.dat"));
        let len = dice.between(1 << 10, 16 << 10);
        file(&path, len, dice);
        stamp(&path, dice);
    }
    fs::create_dir(top.join("sizes")).unwrap();
    // Around what goes into a pack, a chunk, two chunks.
    for len in [
        0,
        1,
        1_047_990,
        1_047_991,
        4 * MIB - 1,
        4 * MIB,
        4 * MIB + 1,
        8 * MIB,
        8 * MIB + 1,
    ] {
        let path = top.join(format!("sizes/{len}"));
        file(&path, len, dice);
        stamp(&path, dice);
    }
    fs::create_dir(top.join("links")).unwrap();
    let links = [
        ("dangling", "nowhere/at all"),
        ("relative", "../sizes/1"),
        ("absolute", "/etc/hostname"),
        ("outward", "../../../../../../etc"),
        ("folder", "../small"),
        ("itself", "itself"),
    ];
    for (number, (name, target)) in links.into_iter().enumerate() {
        let time = format!("2001-02-03 04:05:{number:02}.98765432{number} UTC");
        link(target, &top.join("links").join(name), &time);
    }
    fs::create_dir(top.join("modes")).unwrap();
    for mode in [0o400, 0o600, 0o640, 0o644, 0o700, 0o755, 0o777] {
        let path = top.join(format!("modes/{mode:o}"));
        fs::write(&path, format!("{mode:o}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let folder = top.join(format!("modes/folder-{mode:o}"));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode | 0o500)).unwrap();
    }
    fs::create_dir(top.join("names")).unwrap();
    let longest = "ö".repeat(127) + "x";
    let names = [
        "-rf",
        "--help",
        " ",
        " both ends ",
        "a\nb",
        "a\tb\u{1b}[31m",
        "back\\slash",
        "quote'\"`$(x)",
        "\u{202e}gpj.exe",
        "שלום עולם",
        "🦀🏝️",
        "e\u{301}",
        "é",
        "CON",
        "nul.",
        "...",
        "~",
        "*?[a]",
        "a:b",
        &longest,
        "drive:",
        "%2F",
        "\u{feff}bom",
        "#hash",
        "!bang",
        ".hidden",
        "\u{7f}",
    ];
    for name in names {
        let path = top.join("names").join(name);
        fs::write(&path, name).unwrap();
        stamp(&path, dice);
        let folder = top.join("names in folders").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), "inside").unwrap();
    }
    repository(&top.join("repository"), dice);
    for folder in [
        "empty/below/below",
        "empty/below",
        "empty",
        "small/07",
        "links",
        "names",
        "sizes",
        "",
    ] {
        stamp(&top.join(folder), dice);
    }
}

#[test]
fn a_device_made_from_the_words_gets_the_same_tree() {
    let full = std::env::var_os("CRANNOG_FULL").is_some_and(|value| value == "1");
    let (large, small) = if full {
        (1024 * MIB, 10_000)
    } else {
        (256 * MIB, 2_000)
    };
    let scratch = Scratch::new();
    let mut dice = Dice::new();
    let source = scratch.join("tree");
    make(&source, large, small, &mut dice);

    let server = Server::start(&scratch.join("server"));
    let invite = server.invite("8GiB");
    let laptop = Device::new(scratch.path(), "laptop");
    let words = laptop.join(&invite, "alice");
    let text = source.to_str().unwrap();
    let clock = Instant::now();
    let put = laptop.ok(["put", "-r", text, "/"]);
    println!(
        "put: {:?}, {} files, {} bytes",
        clock.elapsed(),
        put["files"],
        put["bytes"]
    );

    let phone = Device::new(scratch.path(), "phone");
    phone.recover(&invite, "alice", &words);
    let back = scratch.join("back");
    let clock = Instant::now();
    phone.ok_with_umask("000", ["get", "-r", "/tree", back.to_str().unwrap()]);
    println!("get: {:?}", clock.elapsed());
    let totals = assert_same(&source, &back);
    println!("identical: {totals:?}");
    assert!(
        totals.files > small && totals.bytes > large && totals.links > 6,
        "{totals:?}"
    );
    git(&back.join("repository"), &["fsck", "--strict"]);
    git(&back.join("repository"), &["diff", "--exit-code", "HEAD"]);

    // The comparison can fail.
    fs::set_permissions(back.join("sizes/1"), fs::Permissions::from_mode(0o611)).unwrap();
    fs::write(back.join("names/-rf"), "-fr").unwrap();
    fs::remove_file(back.join("links/itself")).unwrap();
    symlink("another", back.join("links/itself")).unwrap();
    let found = differences(&source, &back).join("\n");
    for wanted in ["has mode", "other bytes", "points elsewhere", "is of"] {
        assert!(found.contains(wanted), "{wanted}: {found}");
    }

    // Nothing changed: nothing is sent, by either device.
    let used = server.used("alice");
    let clock = Instant::now();
    let again = laptop.ok(["put", "-r", text, "/"]);
    println!("unchanged: {:?}", clock.elapsed());
    assert_eq!(
        (&again["files"], &again["bytes"], &again["failed"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_eq!(
        again["unchanged"].as_u64().unwrap() + totals.folders,
        put["files"].as_u64().unwrap() + put["folders"].as_u64().unwrap()
    );
    let again = phone.ok(["put", "-r", text, "/"]);
    assert_eq!(
        (&again["files"], &again["bytes"]),
        (&0.into(), &0.into()),
        "{}",
        again["plan"]
    );
    assert_eq!(server.used("alice"), used, "nothing was stored");

    // A few bytes in the middle of the large file, ten small files, a new one: little is sent.
    let mut middle = File::options().write(true).open(source.join("large")).unwrap();
    std::io::Seek::seek(&mut middle, std::io::SeekFrom::Start(large / 2)).unwrap();
    middle.write_all(b"changed").unwrap();
    drop(middle);
    for number in 0..10_u64 {
        file(
            &source.join(format!("small/{number:02}/{number}.dat")),
            3000 + number,
            &mut dice,
        );
    }
    fs::write(source.join("new"), "new").unwrap();
    let changed = laptop.ok(["put", "-r", text, "/"]);
    let plan = changed["plan"].as_array().unwrap();
    let puts = plan
        .iter()
        .filter(|line| line.as_str().unwrap().starts_with("put "));
    assert_eq!(puts.count(), 12, "{plan:?}");
    let grown = server.used("alice") - used;
    println!(
        "changed: {} bytes sent, {grown} more on the server",
        changed["bytes"]
    );
    assert!(grown < 6 * MIB, "{grown} bytes for a change of a few");
    let third = scratch.join("third");
    phone.ok(["get", "-r", "/tree/", third.to_str().unwrap()]);
    // The caller's umask counts, and only that.
    for path in ["modes/777", "modes/folder-777"] {
        let mode = |top: &Path| fs::metadata(top.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&source), mode(&third)), (0o777, 0o755), "{path}");
        fs::set_permissions(third.join(path), fs::Permissions::from_mode(0o777)).unwrap();
    }
    assert_same(&source, &third);
    server.fsck();
    server.stop();
}
