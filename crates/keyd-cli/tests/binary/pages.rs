//! The pages say what the program does.

use std::path::Path;

use crannog_keyd_cli::{Code, command_line};

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
    command_line().get_subcommands().for_each(check);
}

#[test]
fn examples_are_understood() {
    fn collect(command: &clap::Command, found: &mut Vec<String>) {
        let after = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        found.extend(after.lines().map(str::to_owned));
        command.get_subcommands().for_each(|below| collect(below, found));
    }
    let mut lines = Vec::new();
    collect(&command_line(), &mut lines);
    let mut seen = 0;
    for line in lines
        .iter()
        .filter_map(|line| line.find("crannog-keyd ").and_then(|at| line.get(at..)))
    {
        for command in line.split("&&") {
            let command = command
                .split(['|', '<', '>'])
                .next()
                .unwrap()
                .replace("'order 41'", "order");
            let understood = command_line().try_get_matches_from(command.split_whitespace());
            assert!(understood.is_ok(), "{line}\n{understood:?}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn exit_codes_are_those_of_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/keyd.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| exit | code | meaning |").unwrap();
    let table = table.split("\n\n").next().unwrap();
    let mut rows: Vec<(u8, String)> = Vec::new();
    for line in table.lines().skip(2) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (exit, codes) = (cells.next().unwrap().parse().unwrap(), cells.next().unwrap());
        rows.extend(
            codes
                .split(", ")
                .filter(|code| *code != "-")
                .map(|code| (exit, code.trim_matches('`').to_owned())),
        );
    }
    let own: Vec<(u8, String)> = Code::ALL
        .iter()
        .map(|code| (code.exit(), code.as_str().to_owned()))
        .collect();
    assert_eq!(rows, own);
}
