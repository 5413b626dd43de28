//! The pages in `docs/use` say what the program does. `CRANNOG_BLESS=1` writes `commands.md` anew.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crannog_agent_api::Code;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/use")
        .join(name)
}

const INTRODUCTION: &str = "\
# Commands

Written from the program's own help (`crannog help COMMAND`) by the test `crates/cli/tests/pages.rs`; do not edit.
See also [paths](paths.md), [filters](filters.md), [exit codes](exit-codes.md), [scripts](json.md),
[sharing](sharing.md), [transfers](transfers.md), [export](export.md),
[closing an account](closing.md).
";

fn commands() -> String {
    let mut text = INTRODUCTION.to_owned();
    // Nobody's password file and terminal show in this page.
    let mut top = crannog_cli::command_line().term_width(100);
    top.build();
    describe(&mut top, "", &mut text);
    text
}

fn describe(command: &mut clap::Command, above: &str, text: &mut String) {
    let name = format!("{above} {}", command.get_name()).trim().to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(
        text,
        "\n## {name}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    )
    .unwrap();
    let below = command
        .get_subcommands_mut()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help");
    below.for_each(|below| describe(below, &name, text));
}

#[test]
fn commands_are_as_documented() {
    let (path, now) = (page("commands.md"), commands());
    if std::env::var_os("CRANNOG_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let documented = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = documented.lines().zip(now.lines()).find(|(old, new)| old != new);
    assert!(
        documented == now,
        "run with CRANNOG_BLESS=1; first difference: {differs:?}"
    );
}

#[test]
fn every_command_has_examples() {
    fn check(command: &clap::Command) {
        let groups = command.has_subcommands();
        let after = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            groups || after.starts_with("Examples:\n"),
            "{} has no examples",
            command.get_name()
        );
        assert!(
            command.get_about().is_some(),
            "{} has no description",
            command.get_name()
        );
        command.get_subcommands().for_each(check);
    }
    crannog_cli::command_line().get_subcommands().for_each(check);
}

/// A command line as a shell would split it, near enough.
fn is_understood(line: &str) {
    let command = line
        .split(['|', '<', '>'])
        .next()
        .unwrap_or_default()
        .replace('\'', "");
    let words: Vec<&str> = command.split_whitespace().collect();
    let understood = crannog_cli::command_line().try_get_matches_from(&words);
    assert!(understood.is_ok(), "{line}\n{understood:?}");
}

#[test]
fn the_guide_to_sharing_is_understood() {
    let guide = std::fs::read_to_string(page("sharing.md")).unwrap();
    let lines: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(lines.len() > 10, "{lines:?}");
    lines.into_iter().for_each(is_understood);
}

#[test]
fn examples_are_understood() {
    fn collect(command: &clap::Command, found: &mut Vec<String>) {
        let after = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        found.extend(after.replace("\\\n", " ").lines().map(str::to_owned));
        command.get_subcommands().for_each(|below| collect(below, found));
    }
    let mut lines = Vec::new();
    collect(&crannog_cli::command_line(), &mut lines);
    let mut seen = 0;
    for line in lines
        .iter()
        .filter_map(|line| line.find("crannog ").and_then(|at| line.get(at..)))
    {
        is_understood(line);
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn exit_codes_are_as_documented() {
    let documented = std::fs::read_to_string(page("exit-codes.md")).unwrap();
    let rows: Vec<(String, String)> = documented
        .lines()
        .filter_map(|line| {
            let mut cells = line
                .strip_prefix("| ")?
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').to_owned());
            let (exit, code) = (cells.next()?, cells.next()?);
            exit.parse::<u8>().is_ok().then_some((exit, code))
        })
        .collect();
    let mut expected = vec![("0".to_owned(), "-".to_owned())];
    expected.extend(
        Code::ALL
            .iter()
            .map(|code| (code.exit().to_string(), code.as_str().to_owned())),
    );
    assert_eq!(rows, expected);
    for code in Code::ALL {
        assert_eq!(
            serde_json::to_value(code).unwrap(),
            code.as_str(),
            "text and JSON of a code are the same"
        );
    }
}
