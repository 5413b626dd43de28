//! What is fuzzed of the key service, as in `targets.rs`: whatever somebody else chose, a client, the TLS process, whoever can write
//! the service's files, the operator's slip of the hand. The corpora are replayed by `crates/keyd-cli/tests/corpora.rs`.
//!
//! A target says whether it took its input. An input whose name begins with `taken-` must be, one with `refused-` must not; of
//! what a fuzzer found nobody says.

mod audit;
pub mod fixed;
mod material;
mod requests;
mod settings;
pub mod store;
mod texts;

/// A target: its name, which is also its corpus' folder, and what it does with an input: whether that was taken.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: &[Target] = &[
    ("keyd_request", requests::request),
    ("keyd_policy", settings::policy),
    ("keyd_config", settings::config),
    ("keyd_hello", requests::hello),
    ("keyd_unlock", store::unlock),
    ("keyd_record", store::record),
    ("keyd_backup", store::backup),
    ("keyd_text", texts::text),
    ("keyd_import", material::import),
    ("keyd_audit", audit::audit),
];

/// Runs one target by name; for the fuzzers' entry points.
pub fn run(name: &str, data: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) {
        target(data);
    }
}

/// The first line of an input, without its line feed, and the rest.
fn first_line(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&data[..end]).ok()?;
    Some((line, &data[end + 1..]))
}
