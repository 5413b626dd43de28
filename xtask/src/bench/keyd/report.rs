//! The table, and what was aimed at.

use serde_json::{Value, json};

use super::Topology;
use super::figures::{Case, Measured, Speed};
use super::machine::Machine;

/// Requests a second on one core, shared with the client.
const REQUESTS: f64 = 40_000.0;
/// Operations a second in batches.
const OPERATIONS: f64 = 300_000.0;
/// Times what the service in Python does.
const TIMES: f64 = 20.0;

const OURS: &str = "crannog-keyd";
const FERNET: &str = "Python, Fernet";
const ENCRYPT: &str = "encrypt xaes256-gcm";
const BATCH: &str = "encrypt xaes256-gcm x 1000";
/// The key service's verb, and whose figure it is set beside.
const BESIDE: &[(&str, &str, &str)] = &[
    (ENCRYPT, "null server", ENCRYPT),
    (BATCH, "null server", BATCH),
    ("sign ed25519", "ssh-agent", "sign ed25519"),
    (ENCRYPT, FERNET, "encrypt"),
    ("decrypt xaes256-gcm", FERNET, "decrypt"),
];

/// All figures of a run.
pub struct Report {
    machine: Machine,
    quick: bool,
    parts: Vec<(Topology, Vec<Row>)>,
}

/// One case with its rounds.
struct Row {
    case: Case,
    rounds: Vec<Speed>,
}

impl Row {
    fn median(&self) -> Speed {
        Speed::median(&self.rounds)
    }
}

impl Report {
    /// Without figures.
    pub fn new(machine: Machine, quick: bool) -> Self {
        Self {
            machine,
            quick,
            parts: Vec::new(),
        }
    }

    /// What was measured there, round after round.
    pub fn add(&mut self, topology: Topology, measured: Vec<Measured>) {
        let mut rows: Vec<Row> = Vec::new();
        for one in measured {
            match rows.iter_mut().find(|row| row.case == one.case) {
                Some(row) => row.rounds.push(one.speed),
                None => rows.push(Row {
                    case: one.case,
                    rounds: vec![one.speed],
                }),
            }
        }
        self.parts.push((topology, rows));
    }

    /// To standard output.
    pub fn print(&self) {
        println!(
            "\nthe key service; policy of 20 rules, the one in the middle decides; audit log on {}\n{}",
            super::image::kind(),
            self.machine.line()
        );
        if self.quick {
            println!("(--quick: a moment of each shows that it works, and nothing else)");
        }
        for (topology, rows) in &self.parts {
            println!(
                "\n{}\n{:15} {:30} {:>4} {:>10} {:>9} {:>9} {:>9} {:>9}   (us; cpu: of one request)",
                topology.name(),
                "",
                "",
                "con.",
                "requests/s",
                "p50",
                "p99",
                "cpu there",
                "cpu here"
            );
            for row in rows {
                let speed = row.median();
                let operations = match row.case.operations {
                    1 => String::new(),
                    _ => format!("   {:.0} operations/s", row.case.operations(&speed)),
                };
                println!("{} {speed}{operations}", row.case);
            }
            println!();
            for (connections, text) in self.beside(rows) {
                println!("{connections:>4} con.  {text}");
            }
        }
        println!();
        for (met, text) in self.verdicts() {
            println!("{} {text}", if met { "reached:" } else { "MISSED: " });
        }
    }

    fn beside(&self, rows: &[Row]) -> Vec<(u64, String)> {
        let mut texts = Vec::new();
        for (what, who, theirs) in BESIDE {
            for connections in [1, 16] {
                if let (Some(ours), Some(others)) = (
                    rate(rows, OURS, what, connections),
                    rate(rows, who, theirs, connections),
                ) {
                    let text = format!("{what}: {:.2} times {who}", ours / others);
                    texts.push((connections, text));
                }
            }
        }
        texts
    }

    /// What was aimed at, for one core: whether it was reached, and in words.
    fn verdicts(&self) -> Vec<(bool, String)> {
        let Some((_, rows)) = self.parts.iter().find(|(topology, _)| *topology == Topology::One) else {
            return Vec::new();
        };
        let best = |who: &str, what: &str| {
            let rates = [1, 16].into_iter();
            rates
                .filter_map(|connections| rate(rows, who, what, connections))
                .reduce(f64::max)
        };
        let mut verdicts = Vec::new();
        let requests = best(OURS, ENCRYPT);
        if let Some(requests) = requests {
            verdicts.push((
                requests >= REQUESTS,
                format!("{requests:.0} requests/s ({ENCRYPT}) on one core, wanted {REQUESTS}"),
            ));
        }
        let operations = best(OURS, BATCH).map(|batches| batches * 1_000.0);
        if let Some(operations) = operations {
            verdicts.push((
                operations >= OPERATIONS,
                format!("{operations:.0} operations/s in batches on one core, wanted {OPERATIONS}"),
            ));
        }
        if let Some(python) = best(FERNET, "encrypt") {
            let ours = [("alone", requests), ("in batches", operations)];
            for (how, ours) in ours {
                let Some(times) = ours.map(|ours| ours / python) else {
                    continue;
                };
                verdicts.push((
                    times >= TIMES,
                    format!("{times:.1} times the operations of the service in Python ({python:.0}/s), {how}; wanted {TIMES}"),
                ));
            }
        }
        verdicts
    }

    /// All figures of all rounds.
    pub fn json(&self) -> Value {
        let row = |row: &Row| {
            let median = row.median();
            let rounds: Vec<Value> = row.rounds.iter().map(Speed::json).collect();
            json!({"who": row.case.who, "what": row.case.what, "connections": row.case.connections,
                   "operations": row.case.operations, "operations_per_second": row.case.operations(&median),
                   "median": median.json(), "rounds": rounds})
        };
        let part = |(topology, rows): &(Topology, Vec<Row>)| {
            let rows: Vec<Value> = rows.iter().map(row).collect();
            json!({"topology": topology.word(), "processors": topology.processors(), "cases": rows})
        };
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        let verdict = |(met, text): (bool, String)| json!({"met": met, "text": text});
        let verdicts: Vec<Value> = self.verdicts().into_iter().map(verdict).collect();
        json!({"machine": self.machine.json(), "disk": super::image::kind(), "quick": self.quick, "parts": parts,
               "verdicts": verdicts})
    }
}

fn rate(rows: &[Row], who: &str, what: &str, connections: u64) -> Option<f64> {
    let row = rows.iter().find(|row| {
        (
            row.case.who.as_str(),
            row.case.what.as_str(),
            row.case.connections,
        ) == (who, what, connections)
    })?;
    Some(row.median().rate)
}
