//! Who may use whom. The table is that of ARCHITECTURE.md, with `client` using `agent-api` (docs/adr/0002).

use std::process::Command;

use serde_json::Value;

use super::verdict;
use crate::{Outcome, json, layout, run};

/// A crate, the crates of ours that it may use, and, for the inner ones, the crates of others.
struct Rule {
    name: &'static str,
    ours: &'static [&'static str],
    others: Option<&'static [&'static str]>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "proto",
        ours: &[],
        others: Some(&["aws-lc-rs", "blake3", "borsh", "data-encoding", "thiserror"]),
    },
    Rule {
        name: "seal",
        ours: &[],
        others: Some(&[
            "argon2",
            "aws-lc-rs",
            "bip39",
            "borsh",
            "hpke",
            "rand_core",
            "subtle",
            "thiserror",
            "unicode-normalization",
            "zeroize",
        ]),
    },
    // No sockets, files, clocks, randomness of the system: also by its clippy.toml.
    Rule {
        name: "core",
        ours: &["proto", "seal"],
        others: Some(&[
            "blake3",
            "borsh",
            "data-encoding",
            "rand_core",
            "subtle",
            "thiserror",
            "zeroize",
        ]),
    },
    Rule {
        name: "server",
        ours: &["proto"],
        others: None,
    },
    Rule {
        name: "client",
        ours: &["core", "proto", "seal", "agent-api"],
        others: None,
    },
    Rule {
        name: "agent-api",
        ours: &[],
        others: None,
    },
    Rule {
        name: "agent",
        ours: &["client", "agent-api"],
        others: None,
    },
    Rule {
        name: "cli",
        ours: &["agent-api", "agent"],
        others: None,
    },
    // Bytes that two programs must agree on; no I/O: also by its clippy.toml (docs/adr/0016).
    Rule {
        name: "keyd-keys",
        ours: &["seal", "keyd-os"],
        others: Some(&[
            "aes",
            "aws-lc-rs",
            "borsh",
            "chacha20poly1305",
            "data-encoding",
            "hmac",
            "rand_core",
            "sha3",
            "subtle",
            "thiserror",
            "zeroize",
        ]),
    },
    Rule {
        name: "keyd-os",
        ours: &[],
        others: Some(&[
            "landlock",
            "libc",
            "nix",
            "seccompiler",
            "thiserror",
            "tokio",
            "zeroize",
        ]),
    },
    // Whoever holds the log can check it: no key, and no cipher.
    Rule {
        name: "keyd-audit",
        ours: &[],
        others: Some(&[
            "aws-lc-rs",
            "blake3",
            "borsh",
            "data-encoding",
            "nix",
            "serde",
            "serde_json",
            "thiserror",
            "zeroize",
        ]),
    },
    // For applications: they must not link the service's cryptography. rustls brings its own, behind the feature `tls`.
    Rule {
        name: "keyd-client",
        ours: &[],
        others: Some(&[
            "bytes",
            "data-encoding",
            "http",
            "http-body-util",
            "hyper",
            "hyper-util",
            "rustls",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "zeroize",
        ]),
    },
    Rule {
        name: "keyd",
        ours: &["seal", "keyd-os", "keyd-keys", "keyd-audit", "keyd-client"],
        others: None,
    },
    // No key of the store ever reaches it: of the service it uses the hello alone.
    Rule {
        name: "keyd-tls",
        ours: &["keyd", "keyd-os", "keyd-client"],
        others: None,
    },
    Rule {
        name: "keyd-install",
        ours: &["seal", "keyd", "keyd-audit", "keyd-keys", "keyd-os"],
        others: None,
    },
    Rule {
        name: "keyd-cli",
        ours: &[
            "seal",
            "keyd",
            "keyd-audit",
            "keyd-client",
            "keyd-install",
            "keyd-keys",
            "keyd-os",
            "keyd-tls",
        ],
        others: None,
    },
    Rule {
        name: "testkit",
        ours: &[
            "proto",
            "seal",
            "core",
            "server",
            "client",
            "agent-api",
            "agent",
            "cli",
            "keyd",
            "keyd-keys",
        ],
        others: None,
    },
];

/// Whatever is not in the table is forbidden, in dev- and build-dependencies too.
pub fn check() -> Outcome {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(layout::root())
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let metadata = json::parse(&run::capture(&mut cargo)?)?;
    let mut complaints = Vec::new();
    for package in metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = json::text(package, "name")?;
        let short = name.strip_prefix("crannog-").unwrap_or(&name);
        let Some(rule) = RULES.iter().find(|rule| rule.name == short) else {
            complaints.push(format!("{name} has no row in xtask/src/ci/edges.rs"));
            continue;
        };
        for dependency in package
            .get("dependencies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            complaints.extend(complain(rule, &json::text(dependency, "name")?, dependency));
        }
    }
    complaints.extend(commands_reach_the_engine()?);
    complaints.extend(own_dependencies()?);
    verdict(complaints)
}

fn complain(rule: &Rule, used: &str, dependency: &Value) -> Option<String> {
    let kind = dependency.get("kind").and_then(Value::as_str).unwrap_or("normal");
    match used.strip_prefix("crannog-") {
        Some(ours) => {
            let allowed = rule.ours.contains(&ours);
            (!allowed).then(|| format!("{} must not use {used} ({kind})", rule.name))
        }
        None => {
            let allowed = kind != "normal" || rule.others.is_none_or(|others| others.contains(&used));
            (!allowed).then(|| {
                format!(
                    "{} must not use {used}: a new one needs an ADR and a line here",
                    rule.name
                )
            })
        }
    }
}

/// Of the package `cli` only the program joins commands and agent: the library knows `agent-api` alone.
fn commands_reach_the_engine() -> Outcome<Vec<String>> {
    let mut complaints = Vec::new();
    for path in layout::files("crates/cli/src") {
        let program = path.ends_with("main.rs") || path.components().any(|part| part.as_os_str() == "bin");
        let text = std::fs::read_to_string(layout::root().join(&path))?;
        let uses = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("crannog_agent::") || code.contains("use crannog_agent;")
        });
        if uses && !program {
            complaints.push(format!(
                "{} uses the agent's crate: commands speak agent-api only",
                path.display()
            ));
        }
    }
    Ok(complaints)
}

/// This program must build before anything else does.
fn own_dependencies() -> Outcome<Vec<String>> {
    let manifest = super::read("xtask/Cargo.toml")?;
    let local = manifest
        .lines()
        .filter(|line| line.contains("path =") || line.contains("crannog-"));
    Ok(local
        .map(|line| format!("xtask must not use a crate of the workspace: {line}"))
        .collect())
}
