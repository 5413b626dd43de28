//! What a command has to show: the same for people and for programs.

use crannog_agent_api::answer::{Changed, Note};
use crannog_agent_api::{Answer, Code, Failure};
use serde_json::Value;

use crate::human;
use crate::sanitise;

/// The result of a command.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// For people: whole lines, names already sanitised.
    pub(crate) text: String,
    /// For `--json`.
    pub(crate) result: Value,
    /// It was done, but not all of it, or with a bad end.
    pub(crate) failure: Option<Failure>,
    /// Bytes of a file went to standard output: the document goes to standard error.
    pub(crate) streamed: bool,
}

/// What the agent remarked on the way.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    pub(crate) notes: Vec<Note>,
    pub(crate) failed: Vec<Failure>,
    /// The work had begun: what fails now did not fail at the door.
    pub(crate) begun: bool,
}

impl Shown {
    /// Lines, and the answer that they show.
    pub(crate) fn new(text: impl Into<String>, answer: &Answer) -> Self {
        Self {
            text: text.into(),
            result: value(answer),
            ..Self::default()
        }
    }

    /// One line for a person who does not want quiet, nothing for a program.
    pub(crate) fn said(text: &str) -> Self {
        Self {
            text: format!("{text}\n"),
            ..Self::default()
        }
    }

    /// What a change did.
    pub(crate) fn changed(answer: &Answer) -> Result<Self, Failure> {
        match answer {
            Answer::Changed(changed) => Ok(Self::change(summary(changed), changed, answer)),
            _ => Err(unexpected(answer)),
        }
    }

    /// What a change did to things that may each be a file, or a folder with all that it holds.
    pub(crate) fn items(answer: &Answer) -> Result<Self, Failure> {
        match answer {
            Answer::Changed(changed) => {
                let number = changed.files + changed.folders;
                let items = (number > 0).then(|| human::count(number, "item"));
                let text = tell(changed, items.into_iter().collect());
                Ok(Self::change(text, changed, answer))
            }
            _ => Err(unexpected(answer)),
        }
    }

    /// What a change did that is no matter of files: its steps, or `said` where it has none to tell.
    pub(crate) fn done(answer: &Answer, said: &str) -> Result<Self, Failure> {
        match answer {
            Answer::Ok => Ok(Self::said(said)),
            Answer::Changed(changed) if changed.failed > 0 || changed.plan.is_empty() && changed.dry_run => {
                Self::changed(answer)
            }
            Answer::Changed(changed) if changed.plan.is_empty() => Ok(Self::new(format!("{said}\n"), answer)),
            Answer::Changed(changed) => {
                let how = if changed.dry_run { "would" } else { "done" };
                let step = |step: &String| format!("{how}: {}\n", sanitise::line(step));
                Ok(Self::new(
                    changed.plan.iter().map(step).collect::<String>(),
                    answer,
                ))
            }
            _ => Err(unexpected(answer)),
        }
    }

    fn change(text: String, changed: &Changed, answer: &Answer) -> Self {
        let mut shown = Self::new(text, answer);
        if changed.failed > 0 {
            let text = format!("{} could not be done", human::count(changed.failed, "thing"));
            shown.failure =
                Some(Failure::new(Code::PartlyDone, text).hint("what failed is named above; run it again"));
        }
        shown
    }
}

/// An answer without its wrapping, as `--json` prints it.
pub(crate) fn value(answer: &Answer) -> Value {
    let wrapped = serde_json::to_value(answer).unwrap_or_default();
    wrapped.get("value").cloned().unwrap_or_default()
}

/// Not the answer that belongs to the request.
pub(crate) fn unexpected(_: &Answer) -> Failure {
    Failure::new(Code::Internal, "the agent answered something else")
        .hint("run `crannog agent stop`, then try again")
}

fn summary(changed: &Changed) -> String {
    let mut parts = Vec::new();
    let mut part = |number: u64, one: &str| {
        if number > 0 {
            parts.push(human::count(number, one));
        }
    };
    part(changed.files, "file");
    part(changed.folders, "folder");
    tell(changed, parts)
}

/// What would be done, or what was: counts, and what every change may have beside them.
fn tell(changed: &Changed, mut parts: Vec<String>) -> String {
    if changed.dry_run {
        let nothing = changed.plan.is_empty() && changed.failed == 0;
        let lines = changed
            .plan
            .iter()
            .map(|line| format!("would {}\n", sanitise::line(line)));
        return lines
            .chain(nothing.then(|| "nothing to do\n".to_owned()))
            .collect();
    }
    if changed.bytes > 0 {
        parts.push(human::size(changed.bytes));
    }
    if changed.unchanged > 0 {
        parts.push(format!("{} unchanged", changed.unchanged));
    }
    if changed.failed > 0 {
        parts.push(format!("{} failed", changed.failed));
    }
    if parts.is_empty() {
        "done\n".to_owned()
    } else {
        format!("{}\n", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::Changed;
    use crannog_agent_api::{Answer, Code};
    use serde_json::{Value, json};

    use super::{Shown, summary, value};

    #[test]
    fn answers_without_wrapping() {
        assert_eq!(value(&Answer::Ok), Value::Null);
        assert_eq!(value(&Answer::Drives(Vec::new())), json!([]));
    }

    #[test]
    fn summaries() {
        let changed = Changed {
            files: 1,
            folders: 2,
            bytes: 2048,
            unchanged: 3,
            ..Changed::default()
        };
        assert_eq!(summary(&changed), "1 file, 2 folders, 2.0 KiB, 3 unchanged\n");
        assert_eq!(summary(&Changed::default()), "done\n");
        let plan = Changed {
            dry_run: true,
            plan: vec!["put /a\x1b".into()],
            ..Changed::default()
        };
        assert_eq!(summary(&plan), "would put /a\\u{1b}\n");
        let nothing = Changed {
            plan: Vec::new(),
            ..plan
        };
        assert_eq!(summary(&nothing), "nothing to do\n");
        assert_eq!(summary(&Changed { failed: 1, ..nothing }), "");
    }

    #[test]
    fn items_are_files_or_folders() {
        let moved = Answer::Changed(Changed {
            files: 1,
            folders: 1,
            ..Changed::default()
        });
        assert_eq!(Shown::items(&moved).unwrap().text, "2 items\n");
        let none = Answer::Changed(Changed::default());
        assert_eq!(Shown::items(&none).unwrap().text, "done\n");
    }

    #[test]
    fn steps_or_what_is_said_of_them() {
        let changed = |dry_run, plan: &[&str]| {
            Answer::Changed(Changed {
                dry_run,
                plan: plan.iter().map(|step| (*step).to_owned()).collect(),
                ..Changed::default()
            })
        };
        let text = |answer: &Answer| Shown::done(answer, "left /x").unwrap().text;
        assert_eq!(text(&Answer::Ok), "left /x\n");
        assert_eq!(text(&changed(false, &[])), "left /x\n");
        assert_eq!(text(&changed(true, &[])), "nothing to do\n");
        assert_eq!(
            text(&changed(false, &["remove bob\x1b"])),
            "done: remove bob\\u{1b}\n"
        );
        assert_eq!(text(&changed(true, &["remove bob"])), "would: remove bob\n");
        assert!(Shown::done(&Answer::Drives(Vec::new()), "").is_err());
    }

    #[test]
    fn partly_done() {
        let failed = Answer::Changed(Changed {
            failed: 1,
            ..Changed::default()
        });
        for shown in [
            Shown::changed(&failed),
            Shown::items(&failed),
            Shown::done(&failed, "done"),
        ] {
            let shown = shown.unwrap();
            assert_eq!(shown.text, "1 failed\n");
            assert_eq!(shown.failure.unwrap().code, Code::PartlyDone);
        }
        assert_eq!(Shown::changed(&Answer::Ok).unwrap_err().code, Code::Internal);
    }
}
