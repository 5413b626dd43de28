//! What came of verifying a log.

use crannog_keyd_audit::{Problem, Report};
use serde::Serialize;

use crate::failure::{Code, Failure};
use crate::output::Printer;
use crate::sanitise::line;

#[derive(Serialize)]
struct Document {
    ok: bool,
    size: u64,
    root: String,
    anchor: &'static str,
    checkpoints: u64,
    problems: Vec<Described>,
}

#[derive(Serialize)]
struct Described {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    message: String,
}

impl Described {
    fn of(problem: &Problem) -> Self {
        let range = problem.range();
        Self {
            code: problem.code(),
            n: problem.record(),
            from: range.map(|(from, _)| from),
            to: range.map(|(_, to)| to),
            message: problem.to_string(),
        }
    }
}

/// Prints the report, and says by its end whether all is well: KEY-011.
pub(super) fn conclude(report: &Report, printer: &Printer, object: &str) -> Result<(), Failure> {
    let document = Document {
        ok: report.ok(),
        size: report.size,
        root: report.root.to_string(),
        anchor: if report.anchor { "checked" } else { "unknown" },
        checkpoints: report.checkpoints,
        problems: report.problems.iter().map(Described::of).collect(),
    };
    let mut text = format!(
        "{} records, root {}, {} checkpoints fit, anchor {}\n",
        document.size, document.root, document.checkpoints, document.anchor
    );
    text.extend(
        document
            .problems
            .iter()
            .map(|problem| format!("- {}\n", line(&problem.message))),
    );
    if report.more_problems > 0 {
        text.push_str(&format!("- and {} more\n", report.more_problems));
    }
    printer.result(&text, &document)?;
    if !report.ok() {
        return Err(
            Failure::new(Code::VerificationFailed, "the log is not what was signed")
                .object(object)
                .check("KEY-011")
                .hint("keep the log as it is, and the checkpoints that lay elsewhere"),
        );
    }
    if !report.tail_judged {
        return Err(Failure::new(Code::PartlyDone, "the tail cannot be judged")
            .object(object)
            .check("KEY-011")
            .hint("give --key-file, --recovery-file, or --checkpoint with one that lay elsewhere"));
    }
    Ok(())
}
