//! The commands of docs/operate/install.md, by section. The check runs them as they stand there.

use crate::Outcome;
use crate::debian::{Root, Who};
use crate::package::tree::read;

const PAGE: &str = "docs/operate/install.md";

/// Commands that are not run here; the page's *Limits* says why. `podman build` is run by another name (`container`).
const ELSEWHERE: &[&str] = &["cargo xtask package", "podman build ", "podman-compose "];

/// The page, and what of it has been run.
#[derive(Debug)]
pub struct Guide {
    commands: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    section: String,
    who: Who,
    line: String,
    done: bool,
}

impl Guide {
    /// Reads the page.
    pub fn read() -> Outcome<Self> {
        let commands = commands(&read(PAGE)?);
        if commands.is_empty() {
            return Err(format!("{PAGE} has no commands").into());
        }
        Ok(Self { commands })
    }

    /// Runs the commands of a section in their order; what they printed.
    pub fn run(&mut self, root: &Root, section: &str) -> Outcome<String> {
        let count = self
            .commands
            .iter()
            .filter(|step| step.section == section)
            .count();
        let mut said = String::new();
        for at in 0..count.max(1) {
            said += &self.one(root, section, at)?;
        }
        Ok(said)
    }

    /// One command; what it printed.
    pub fn one(&mut self, root: &Root, section: &str, at: usize) -> Outcome<String> {
        let step = self
            .commands
            .iter_mut()
            .filter(|step| step.section == section)
            .nth(at)
            .ok_or_else(|| format!("{PAGE} has fewer commands below {section:?}"))?;
        println!(
            "   {} {}",
            if step.who == Who::Root { '#' } else { '$' },
            step.line
        );
        step.done = true;
        root.shell(step.who, &step.line)
    }

    /// Was everything run?
    pub fn finish(&self) -> Outcome<usize> {
        let is_elsewhere = |step: &&Step| ELSEWHERE.iter().any(|start| step.line.starts_with(start));
        let left: Vec<&str> = self
            .commands
            .iter()
            .filter(|step| !step.done && !is_elsewhere(step))
            .map(|step| step.line.as_str())
            .collect();
        if left.is_empty() {
            return Ok(self.commands.iter().filter(|step| step.done).count());
        }
        Err(format!(
            "{PAGE} shows commands that the check does not run:\n  {}",
            left.join("\n  ")
        )
        .into())
    }
}

fn commands(page: &str) -> Vec<Step> {
    let (mut section, mut inside, mut found) = (String::new(), false, Vec::new());
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
            if let Some(title) = line.strip_prefix("## ") {
                title.clone_into(&mut section);
            }
        } else if let Some((prompt, typed)) = line.split_once(' ') {
            let who = if prompt == "#" { Who::Root } else { Who::Alice };
            found.push(Step {
                section: section.clone(),
                who,
                line: typed.to_owned(),
                done: false,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Step, Who, commands};

    #[test]
    fn prompts_say_who() {
        let step = |section: &str, who, line: &str| Step {
            section: section.to_owned(),
            who,
            line: line.to_owned(),
            done: false,
        };
        let page = "## A\n```console\n# ls -l\n```\n# no\n## B\n```text\n$ no\n```\n```console\n$ id\n```\n";
        assert_eq!(
            commands(page),
            [step("A", Who::Root, "ls -l"), step("B", Who::Alice, "id")]
        );
    }
}
