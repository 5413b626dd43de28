//! The whole story in one command: a server, an account, real files, a second device from nothing but the words.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::compare::{What, same};
use crate::layout::{Profile, root};
use crate::stage::{Device, Server};
use crate::tidy::Scratch;
use crate::{Outcome, build, run, setup};

const NAME: &str = "demo";

/// `cargo xtask demo [PATH] [--keep]`.
pub fn run(arguments: &[String]) -> Outcome {
    let (mut keep, mut paths) = (false, Vec::new());
    for argument in arguments {
        match argument.as_str() {
            "--keep" => keep = true,
            option if option.starts_with('-') => return Err("usage: cargo xtask demo [PATH] [--keep]".into()),
            path => paths.push(fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?),
        }
    }
    if paths.is_empty() {
        // Not the server: its own text stands in its own files, and would look like a leak.
        paths = ["docs/security", "crates/core", "crates/seal"]
            .map(|path| root().join(path))
            .to_vec();
    }
    let start = Instant::now();
    step("build");
    setup::run(setup::For::Demo)?;
    let binaries = build::run(Profile::Dev)?;
    let scratch = Scratch::new(&std::env::temp_dir(), "crannog-demo")?;
    let top = scratch.path();

    step("start a server: embedded database, files in a folder, its own certificate authority");
    let server = Server::start(&binaries, &top.join("server"), &top.join("server.log"))?;
    say(&format!(
        "crannogd listens on {}, its data is in {}",
        server.address,
        server.data.display()
    ));

    step("the operator invites someone");
    let invitation = server.invite()?;
    say(&format!("server: {}", invitation.server));

    step("she joins with her first device");
    let words = top.join("words.txt");
    let laptop = Device::new(&binaries, &top.join("a"))?;
    show(&mut laptop.join(&invitation, NAME, "laptop", &words)?)?;
    say(&format!(
        "twelve words are in {}, and nowhere else",
        words.display()
    ));

    step("she puts real files into her drive");
    for path in &paths {
        show(laptop.command(["put", "-r"]).arg(path).arg("/"))?;
    }
    show(&mut laptop.command(["ls", "-l", "/"]))?;
    let warm = Instant::now();
    run::output(&mut laptop.command(["ls", "/"]))?;
    say(&format!("a warm `ls` takes {} ms", warm.elapsed().as_millis()));

    step("the device is lost; another one is made from the words alone");
    laptop.stop();
    let phone = Device::new(&binaries, &top.join("b"))?;
    show(&mut phone.recover(&invitation.server, NAME, "phone", &words))?;

    step("it fetches everything, and we compare names, bytes, permissions and times");
    let back = top.join("back");
    fs::create_dir(&back)?;
    for path in &paths {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        show(phone.command(["get", "-r", &format!("/{name}")]).arg(&back))?;
        let same = same(path, &back.join(&name), What::Everything)?;
        say(&format!(
            "identical: {} ({} files, {} folders, {} links, {} bytes)",
            path.display(),
            same.files,
            same.folders,
            same.links,
            same.bytes
        ));
    }

    step("what the server can see");
    show(&mut server.admin(&["inspect", NAME]))?;
    on_disk(&server.data, &paths, &words)?;

    println!("\ndemo: done in {} s, nothing differs", start.elapsed().as_secs());
    if keep {
        stay(&server, &phone, &binaries.crannog);
    }
    phone.stop();
    Ok(())
}

fn step(title: &str) {
    println!("\n== {title}");
}

fn say(text: &str) {
    println!("   {text}");
}

fn show(command: &mut Command) -> Outcome {
    println!("   $ {}", run::shown(command));
    run::quietly(command)
}

/// Lists some of the server's files, and looks in all of them for our names, contents and words.
fn on_disk(data: &Path, sources: &[PathBuf], words: &Path) -> Outcome {
    let mut stored = Vec::new();
    collect(data, &mut stored);
    stored.sort();
    let bytes: u64 = stored
        .iter()
        .filter_map(|path| path.metadata().ok())
        .map(|meta| meta.len())
        .sum();
    say(&format!(
        "{} files, {bytes} bytes on its disk, for instance:",
        stored.len()
    ));
    for path in stored.iter().take(8) {
        let shown = path.strip_prefix(data).unwrap_or(path).display();
        say(&format!(
            "  {:>10}  {shown}",
            path.metadata().map(|meta| meta.len()).unwrap_or(0)
        ));
    }
    let canaries = canaries(sources, words)?;
    for path in &stored {
        let (Ok(content), name) = (fs::read(path), path.strip_prefix(data).unwrap_or(path)) else {
            continue;
        };
        for canary in &canaries {
            if contains(&content, canary) || contains(name.as_os_str().as_encoded_bytes(), canary) {
                let text = String::from_utf8_lossy(canary);
                return Err(format!("the server's {} shows {text:?}", path.display()).into());
            }
        }
    }
    say(&format!(
        "none of them shows any of {} names, pieces of content and words that we looked for",
        canaries.len()
    ));
    Ok(())
}

/// File names and 24-byte pieces of content from the sources, and the twelve words in a row.
fn canaries(sources: &[PathBuf], words: &Path) -> Outcome<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    sources.iter().for_each(|source| collect(source, &mut files));
    let mut found: Vec<Vec<u8>> = Vec::new();
    for path in files.iter().filter(|path| path.is_file()).take(100) {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.len() >= 8 {
            found.push(name.to_vec());
        }
        let content = fs::read(path)?;
        if let Some(piece) = content.get(content.len() / 2..).and_then(|half| half.get(..24)) {
            found.push(piece.to_vec());
        }
    }
    // Pieces that say nothing (runs of one byte) would be found anywhere.
    found.retain(|piece| piece.iter().collect::<std::collections::BTreeSet<_>>().len() > 4);
    let text = fs::read_to_string(words)?;
    let all: Vec<&str> = text.split_whitespace().collect();
    found.extend(all.windows(2).map(|pair| pair.join(" ").into_bytes()));
    found.sort();
    found.dedup();
    Ok(found)
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_symlink() || !path.is_dir() {
        into.push(path.to_path_buf());
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), into);
    }
}

/// Does `text` contain `piece`?
pub fn contains(text: &[u8], piece: &[u8]) -> bool {
    let Some((first, rest)) = piece.split_first() else {
        return true;
    };
    let mut at = text;
    while let Some(next) = at.iter().position(|byte| byte == first) {
        at = at.get(next + 1..).unwrap_or_default();
        if at.starts_with(rest) {
            return true;
        }
    }
    false
}

fn stay(server: &Server, device: &Device, crannog: &Path) {
    let folder = crannog.parent().unwrap_or(crannog).display();
    println!("\nThe server stays up. In another terminal:\n");
    println!("  export PATH={folder}:$PATH");
    println!("  export CRANNOG_HOME={}", device.home.display());
    println!("  export CRANNOG_PASSWORD_FILE={}", device.password.display());
    println!(
        "  crannog tree /\n  crannogd stats --data {}",
        server.data.display()
    );
    println!("\nCtrl-C here stops everything and removes it.");
    loop {
        std::thread::park_timeout(Duration::from_secs(3600));
    }
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn pieces_are_found() {
        assert!(contains(b"aabab", b"bab") && contains(b"abc", b"c") && contains(b"aab", b"ab"));
        assert!(!contains(b"abc", b"ca") && !contains(b"", b"a") && !contains(b"ab", b"abc"));
    }
}
