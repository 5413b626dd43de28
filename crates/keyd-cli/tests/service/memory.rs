//! No process of another user gets at a key: by file, debugger, core, `/proc` or swap.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::world::people::Person;
use crate::world::{ROOT_ALONE, USER_ID, World, text};
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn another_user_reads_no_key_by_file_debugger_core_or_proc() {
    let world = World::new(ROOT_ALONE);
    let service = world.start();
    assert_eq!(world.http().post("transit/keys/a", &json!({})).status, 200);
    let (eve, pid) = (Person::new("eve"), service.child.id());
    let shell = |script: &str| {
        let mut command = eve.command(&[], std::path::Path::new("/bin/sh"));
        command.args(["-c", script]).output().unwrap()
    };
    for path in ["state", "state/keys/a/key", "state/unlock", "etc/master.key"] {
        let path = world.path(path);
        let read = shell(&format!("cat {0} {0}/*", path.display()));
        assert!(
            !read.status.success() && read.stdout.is_empty(),
            "{}",
            text(&read)
        );
    }
    for name in ["mem", "maps", "environ", "fd", "map_files", "io", "stack", "auxv"] {
        let read = shell(&format!("cat /proc/{pid}/{name} /proc/{pid}/{name}/*"));
        assert!(
            !read.status.success() && read.stdout.is_empty(),
            "{name}: {}",
            text(&read)
        );
    }
    // The service's own user fares no better: the process is not dumpable, so it belongs to root.
    assert_eq!(fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), 0);
    let own = std::process::Command::new("setpriv")
        .args([
            "--reuid",
            &USER_ID.to_string(),
            "--clear-groups",
            "--",
            "cat",
            &format!("/proc/{pid}/maps"),
        ])
        .output()
        .unwrap();
    assert!(!own.status.success() && own.stdout.is_empty(), "{}", text(&own));
    let attached = shell(&format!("kill -STOP {pid}"));
    assert!(!attached.status.success());
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert!(core.split_whitespace().nth(4) == Some("0"), "{core}");

    // Pages that hold keys are locked, not to be swapped, or secret memory that the kernel itself does not map.
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let secret = smaps.contains("secretmem");
    let locked = smaps
        .lines()
        .filter(|line| line.starts_with("VmFlags:"))
        .any(|line| line.contains(" lo"));
    assert!(secret || locked, "neither secret nor locked memory");
    let swapped: u64 = smaps
        .lines()
        .filter_map(|line| line.strip_prefix("Swap:"))
        .filter_map(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .sum();
    assert_eq!(swapped, 0);

    // A crash leaves no core anywhere it could be read.
    service.signal(Signal::SIGABRT);
    let mut service = service;
    let ended = service.child.wait().unwrap();
    assert!(
        !std::os::unix::process::ExitStatusExt::core_dumped(&ended),
        "{ended:?}"
    );
}

#[test]
fn names_and_values_stand_nowhere_in_the_open_but_where_the_page_says() {
    let world = World::new(ROOT_ALONE);
    let service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    let canary = "canary-of-this-test";
    let plaintext = data_encoding::BASE64.encode(canary.as_bytes());
    let sealed = http
        .post("transit/encrypt/a", &json!({ "plaintext": plaintext }))
        .data()["ciphertext"]
        .clone();
    http.post("transit/decrypt/a", &json!({ "ciphertext": sealed }));
    assert_eq!(service.stop(), 0);
    let mut seen = 0;
    look(&world.path(""), &mut |path, bytes| {
        seen += 1;
        for secret in [canary, &plaintext, sealed.as_str().unwrap()] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {}", path.display());
        }
        let mode = path.metadata().unwrap().mode() & 0o777;
        assert!(
            !path.starts_with(world.state()) || mode == 0o600,
            "{} has {mode:o}",
            path.display()
        );
    });
    assert!(seen > 6, "{seen}");
}

fn look(folder: &std::path::Path, at: &mut impl FnMut(&std::path::Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path, at);
        } else if path.is_file() {
            at(&path, &fs::read(&path).unwrap());
        }
    }
}
