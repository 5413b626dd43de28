//! The order in which an append becomes durable, as the kernel saw it.

mod bin;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use bin::{Device, Dice, Scratch, Server, crannogd};

/// A system call that has returned without an error.
#[derive(Debug)]
struct Call {
    name: String,
    /// Up to the answer.
    text: String,
}

/// The calls in the order in which they returned; writes in the order in which they began.
fn calls(log: &str) -> Vec<Call> {
    let mut open: HashMap<&str, String> = HashMap::new();
    let mut calls = Vec::new();
    let writes = |name: &str| ["write", "writev", "sendto", "sendmsg"].contains(&name);
    for line in log.lines() {
        let Some((pid, rest)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let rest = rest.trim_start();
        let (text, began, ended) = if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            open.insert(pid, begun.to_owned());
            (begun.to_owned(), true, false)
        } else if let Some((_, end)) = rest.split_once(" resumed>").filter(|_| rest.starts_with("<...")) {
            (open.remove(pid).unwrap_or_default() + end, false, true)
        } else {
            (rest.to_owned(), true, true)
        };
        let Some((name, _)) = text.split_once('(') else {
            continue;
        };
        let name = name.to_owned();
        let good = text
            .rsplit_once(" = ")
            .is_some_and(|(_, result)| !result.trim().starts_with('-'));
        if if writes(&name) { began } else { ended && good } {
            calls.push(Call { name, text });
        }
    }
    calls
}

/// Where the call is, from `from` on.
fn find(calls: &[Call], from: usize, name: &[&str], piece: &str) -> Option<usize> {
    let rest = calls.iter().enumerate().skip(from);
    rest.into_iter()
        .find(|(_, call)| name.contains(&call.name.as_str()) && call.text.contains(piece))
        .map(|(at, _)| at)
}

#[test]
fn blob_folder_and_log_are_synced_before_the_answer() {
    let scratch = Scratch::new();
    let (data, log) = (scratch.join("server"), scratch.join("trace"));
    let mut strace = Command::new("strace");
    // As a grandchild: the server stays our own child. `-s0`: no content.
    strace.args(["-D", "-f", "-y", "-s0", "-e"]);
    strace.arg("trace=openat,fsync,fdatasync,write,writev,sendto,sendmsg,recvfrom,read");
    strace.arg("-o").arg(&log).arg(crannogd());
    let server = match Server::try_launch(&mut strace, &data, "127.0.0.1:0") {
        Ok(server) => server,
        Err(said) => panic!("is strace there? `cargo xtask setup` installs it\n{said}"),
    };
    let device = Device::new(scratch.path(), "laptop");
    device.join(&server.invite("1GiB"), "alice");
    let file = scratch.join("small");
    std::fs::write(&file, Dice::seeded(7).bytes(3000)).unwrap();
    // The agent's first catch-up and its bell talk to the server too: the trace begins when they are done.
    while device.ok(["status"])["online"] != true {}
    let before = calls(&std::fs::read_to_string(&log).unwrap()).len();
    device.ok(["put", file.to_str().unwrap(), "/small"]);
    let mut calls = calls(&std::fs::read_to_string(&log).unwrap());
    calls.drain(..before);
    device.ok(["agent", "stop"]);
    server.stop();
    let [_, bytes, folder, log, answer] = check(&calls, &data);

    // The check can fail: without one of the syncs, or with the answer before the last.
    for at in [bytes, folder, log] {
        let taken = calls.remove(at);
        assert!(order(&calls, &data).is_err(), "without {taken:?}");
        calls.insert(at, taken);
    }
    let early = calls.remove(answer);
    calls.insert(log, early);
    assert!(order(&calls, &data).is_err(), "the answer before the log");
}

fn check(calls: &[Call], data: &Path) -> [usize; 5] {
    match order(calls, data) {
        Ok(order) => {
            println!(
                "made, bytes, folder, log, answer: {order:?} of {} calls",
                calls.len()
            );
            order
        }
        Err(said) => {
            let of_files = calls
                .iter()
                .filter(|call| call.name.ends_with("sync") || call.text.contains("/blobs/"));
            panic!("{said}\n{:#?}", of_files.collect::<Vec<_>>());
        }
    }
}

fn parent(path: &str) -> String {
    format!("{}>", path.rsplit_once('/').unwrap().0)
}

/// The path of the only blob that was made.
fn new_blob(calls: &[Call], data: &Path) -> String {
    let blobs = format!("\"{}/blobs/", data.display());
    let mut made = calls
        .iter()
        .filter(|call| call.name == "openat" && call.text.contains("O_CREAT") && call.text.contains(&blobs));
    let text = &made.next().expect("a blob was made").text;
    assert!(made.next().is_none(), "one small file is one blob");
    text.split('"').nth(1).unwrap().to_owned()
}

/// Made, its bytes synced, its folder synced, the log synced, only then an answer.
fn order(calls: &[Call], data: &Path) -> Result<[usize; 5], String> {
    const SYNC: &[&str] = &["fsync", "fdatasync"];
    const WRITE: &[&str] = &["write", "writev", "sendto", "sendmsg"];
    let blob = new_blob(calls, data);
    let after = |from: usize, names: &[&str], piece: &str| {
        find(calls, from, names, piece).ok_or_else(|| format!("no {names:?} of {piece} at its place"))
    };
    let made = after(0, &["openat"], &blob)?;
    let bytes = after(made, SYNC, &format!("<{blob}>"))?;
    let folder = after(bytes, SYNC, &format!("<{}", parent(&blob)))?;
    let log = after(folder, SYNC, "crannogd.db-wal>")?;
    let answer = after(log, WRITE, "<socket:")?;
    let late = |at: &usize| WRITE.contains(&calls[*at].name.as_str()) && calls[*at].text.contains(&blob);
    if (bytes..answer).any(|at| late(&at)) {
        return Err("the blob was written to after its sync".into());
    }
    // Between the request and the log nothing goes to any client.
    let early = (folder..log)
        .find(|at| WRITE.contains(&calls[*at].name.as_str()) && calls[*at].text.contains("<socket:"));
    if let Some(at) = early {
        return Err(format!("an answer before the log was synced: {:?}", calls[at]));
    }
    Ok([made, bytes, folder, log, answer])
}
