//! Clients of others, as their registries give them, unchanged: each makes a round trip against the running service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{World, text};

/// Where the programs of this folder are.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/clients")
}

/// A folder below `target` for what is installed, kept from run to run.
fn installed(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/clients")
        .join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Installs by `install`, unless this list of packages was installed before.
fn once(folder: &Path, list: &Path, install: impl FnOnce()) {
    let (wanted, done) = (fs::read(list).unwrap(), folder.join("installed"));
    if fs::read(&done).ok().as_ref() != Some(&wanted) {
        install();
        fs::write(done, wanted).unwrap();
    }
}

/// Root on the local socket, and one certificate over TLS: both may do everything with keys.
fn policy(certificate: &str) -> String {
    format!(
        "format = 1\n[[rule]]\nname = \"clients\"\nsubjects = [\"user:root\", {certificate:?}]\nkeys = [\"*\"]\nallow = [\"all\"]\n"
    )
}

fn python() -> PathBuf {
    let folder = installed("python");
    let list = tools().join("python/requirements.txt");
    let python = folder.join("venv/bin/python");
    once(&folder, &list, || {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(folder.join("venv")));
        run(Command::new(&python)
            .args(["-m", "pip", "install", "-q", "-r"])
            .arg(&list));
    });
    python
}

#[test]
fn hvac_and_tink_on_the_unix_socket_and_over_tls() {
    let python = python();
    let world = World::with_config(crate::world::ROOT_ALONE, &crate::world::tls::config());
    let client = world.identity("python");
    world.write("etc/policy.toml", &policy(&client.subject), 0o644);
    let program = tools().join("python/round_trip.py");
    let _service = world.start();
    let done = run(Command::new(&python)
        .arg(&program)
        .arg("unix")
        .arg(world.socket()));
    assert_eq!(done.trim(), "round trip done");
    let tls = world.serve_tls();
    let mut command = Command::new(&python);
    command
        .arg(&program)
        .arg("tls")
        .arg(&tls.address)
        .arg(&tls.authority)
        .arg(&client.cert)
        .arg(&client.key);
    assert_eq!(run(&mut command).trim(), "round trip done");
    // Whoever is not named is not served: another certificate, made the same way.
    let other = world.identity("other");
    let mut command = Command::new(&python);
    command
        .arg(&program)
        .arg("tls")
        .arg(&tls.address)
        .arg(&tls.authority)
        .arg(&other.cert)
        .arg(&other.key);
    assert!(!command.output().unwrap().status.success());
}

#[test]
fn vaultrs_over_tls() {
    let world = World::with_config(crate::world::ROOT_ALONE, &crate::world::tls::config());
    let client = world.identity("rust");
    world.write("etc/policy.toml", &policy(&client.subject), 0o644);
    let _service = world.start();
    let tls = world.serve_tls();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(tools().join("vaultrs/Cargo.toml"))
        .arg("--target-dir")
        .arg(installed("vaultrs"))
        .arg("--")
        .arg(&tls.address)
        .arg(&tls.authority)
        .arg(&client.both);
    let done = run(&mut cargo);
    assert!(done.ends_with("round trip done\n"), "{done}");
}

#[test]
fn node_vault_over_tls() {
    let folder = installed("node");
    let list = tools().join("node/package.json");
    once(&folder, &list, || {
        fs::copy(&list, folder.join("package.json")).unwrap();
        fs::copy(
            tools().join("node/package-lock.json"),
            folder.join("package-lock.json"),
        )
        .unwrap();
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder));
    });
    let world = World::with_config(crate::world::ROOT_ALONE, &crate::world::tls::config());
    let client = world.identity("node");
    world.write("etc/policy.toml", &policy(&client.subject), 0o644);
    let _service = world.start();
    let tls = world.serve_tls();
    let program = folder.join("round_trip.js");
    fs::copy(tools().join("node/round_trip.js"), &program).unwrap();
    let mut node = Command::new("node");
    node.arg(&program)
        .arg(&tls.address)
        .arg(&tls.authority)
        .arg(&client.cert)
        .arg(&client.key);
    assert_eq!(run(&mut node).trim(), "round trip done");
}
