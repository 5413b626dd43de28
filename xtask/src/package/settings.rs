//! The configuration that the package brings says the same as docs/operate/server.md.

use super::tree::read;

/// `name`, default: of a TOML file in which all is comment.
fn brought(text: &str) -> Vec<(String, String)> {
    let (mut section, mut found) = (String::new(), Vec::new());
    for line in text.lines().filter_map(|line| line.strip_prefix('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, value)) = line.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            found.push((format!("{section}{name}"), value.trim_matches('"').to_owned()));
        }
    }
    found
}

/// The same, of the page's table under *Configuration*.
fn described(page: &str) -> Vec<(String, String)> {
    let part = page.split("## Configuration").nth(1).unwrap_or_default();
    let part = part.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        Some((name, cells.next()?.trim_matches('`').to_owned()))
    });
    rows.collect()
}

#[test]
fn every_field_stands_in_the_configuration_with_its_default() {
    let brought = brought(&read("packaging/debian/crannog-server/config.toml").expect("brought"));
    let described = described(&read("docs/operate/server.md").expect("described"));
    assert!(described.len() > 10, "{described:?}");
    let names = |list: &[(String, String)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(
        names(&brought),
        names(&described),
        "packaging/debian/crannog-server/config.toml, docs/operate/server.md"
    );
    for ((name, value), (_, default)) in brought.iter().zip(&described) {
        let holds = match name.as_str() {
            // Examples, and a size in words.
            "public_address" | "metrics_listen" => value.contains(':'),
            "default_quota" => value == "10737418240" && default.starts_with("10 GiB"),
            _ => value == default,
        };
        assert!(holds, "{name}: {value:?} in the file, {default:?} on the page");
    }
}
