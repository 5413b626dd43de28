//! Medians, ratios, verdicts; as a table and as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contender::Task;
use super::measure::{Figure, Figures};
use super::people::People;

const OURS: &str = "ours";
const PEERS: &[&str] = &["rclone", "restic"];
const MEMORY_LIMIT: f64 = 200.0;

/// What ours has to reach.
enum Target {
    /// So many times as fast as the faster peer.
    Times(f64),
    /// In so many seconds.
    Seconds(f64),
    /// In so many round trips.
    RoundTrips(u64),
}

const TARGETS: &[(Task, Target)] = &[
    (Task::PutBig, Target::Times(2.0)),
    (Task::GetBig, Target::Times(2.0)),
    (Task::PutSmall, Target::Times(1.5)),
    (Task::GetSmall, Target::Times(1.5)),
    (Task::PutUnchanged, Target::Seconds(0.2)),
    (Task::PutOneFar, Target::RoundTrips(3)),
];

/// All runs of all contenders.
#[derive(Debug)]
pub struct Report {
    runs: usize,
    place: &'static str,
    figures: BTreeMap<&'static str, Vec<Figures>>,
    layers: Vec<(String, f64)>,
    people: Option<People>,
}

impl Report {
    /// Empty.
    pub fn new(runs: usize, place: &'static str) -> Self {
        Self {
            runs,
            place,
            figures: BTreeMap::new(),
            layers: Vec::new(),
            people: None,
        }
    }

    /// One contender, one run.
    pub fn add(&mut self, name: &'static str, figures: Figures) {
        self.figures.entry(name).or_default().push(figures);
    }

    /// A layer's own speed in MiB a second.
    pub fn layer(&mut self, name: &str, speed: f64) {
        self.layers.push((name.to_owned(), speed));
    }

    /// What people wait for when they share.
    pub fn people(&mut self, people: People) {
        self.people = Some(people);
    }

    fn of(&self, name: &str, task: Task, value: impl Fn(&Figure) -> f64) -> Option<f64> {
        let runs = self.figures.get(name)?;
        median(
            runs.iter()
                .filter_map(|run| run.tasks.get(&task))
                .map(value)
                .collect(),
        )
    }

    fn seconds(&self, name: &str, task: Task) -> Option<f64> {
        self.of(name, task, |figure| figure.seconds)
    }

    /// Median peak memory in MiB: server, client.
    fn memory(&self, name: &str) -> Option<(f64, f64)> {
        let runs = self.figures.get(name)?;
        let mib = |value: fn(&Figures) -> u64| {
            median(runs.iter().map(|run| value(run) as f64 / 1_048_576.0).collect())
        };
        Some((mib(|run| run.server_memory)?, mib(|run| run.client_memory)?))
    }

    /// How many times as fast as the faster peer, by a time.
    fn ratio_by(&self, task: Task, time: fn(&Figure) -> f64) -> Option<f64> {
        let best = PEERS
            .iter()
            .filter_map(|peer| self.of(peer, task, time))
            .reduce(f64::min)?;
        Some(best / self.of(OURS, task, time)?)
    }

    /// Until the command had ended.
    fn ratio(&self, task: Task) -> Option<f64> {
        self.ratio_by(task, |figure| figure.seconds)
    }

    /// Until all was on disk: peers say that they are done before that, a put of ours does not.
    fn ratio_on_disk(&self, task: Task) -> Option<f64> {
        self.ratio_by(task, |figure| figure.seconds + figure.owed)
    }

    /// To standard output.
    pub fn print(&self) {
        println!(
            "\nmedians of {} interleaved runs; {}; warm caches; seconds",
            self.runs, self.place
        );
        println!("(in brackets: then until all was on disk; a put of ours answers only when it is)\n");
        println!(
            "{:16} {:>16} {:>16} {:>16} {:>14} {:>10}",
            "", "crannog", "rclone crypt", "restic", "faster peer /", "on disk /"
        );
        for &task in Task::ALL {
            let cell = |name: &str| match (
                self.seconds(name, task),
                self.of(name, task, |figure| figure.owed),
            ) {
                (Some(seconds), Some(owed)) => format!("{seconds:.2} ({owed:.2})"),
                _ => "-".to_owned(),
            };
            let shown = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            let (ratio, on_disk) = (shown(self.ratio(task)), shown(self.ratio_on_disk(task)));
            let [ours, rclone, restic] = [OURS, "rclone", "restic"].map(cell);
            println!(
                "{:16} {ours:>16} {rclone:>16} {restic:>16} {ratio:>14} {on_disk:>10}",
                task.name()
            );
        }
        let trips = |name: &str| {
            let trips = self.of(name, Task::PutOneFar, |figure| figure.round_trips as f64);
            trips.map_or("-".to_owned(), |trips| format!("{trips:.0}"))
        };
        let [ours, rclone, restic] = [OURS, "rclone", "restic"].map(trips);
        println!("{:16} {ours:>16} {rclone:>16} {restic:>16}", "  round trips");
        let memory = |name: &str| {
            self.memory(name)
                .map_or("-".to_owned(), |(s, c)| format!("{s:.0} + {c:.0}"))
        };
        let [ours, rclone, restic] = [OURS, "rclone", "restic"].map(memory);
        println!(
            "{:16} {ours:>16} {rclone:>16} {restic:>16}   peak MiB, server + client",
            "memory"
        );
        self.layers
            .iter()
            .for_each(|(name, speed)| println!("layer {name:24} {speed:>10.0} MiB/s"));
        println!();
        self.verdicts()
            .iter()
            .for_each(|(met, text)| println!("{:6} {text}", if *met { "met" } else { "MISSED" }));
        if let Some(people) = &self.people {
            people.print();
        }
    }

    fn verdicts(&self) -> Vec<(bool, String)> {
        let mut verdicts = Vec::new();
        for (task, target) in TARGETS {
            let name = task.name();
            let (met, text) = match target {
                Target::Times(wanted) => {
                    let Some((ratio, on_disk)) = self.ratio(*task).zip(self.ratio_on_disk(*task)) else {
                        continue;
                    };
                    let said =
                        format!("{name}: {ratio:.2} times as fast as the faster peer, wanted {wanted}");
                    (
                        ratio >= *wanted,
                        format!("{said} (until all is on disk: {on_disk:.2})"),
                    )
                }
                Target::Seconds(wanted) => {
                    let Some(seconds) = self.seconds(OURS, *task) else {
                        continue;
                    };
                    (
                        seconds <= *wanted,
                        format!("{name}: {seconds:.2} s, wanted {wanted} s"),
                    )
                }
                Target::RoundTrips(wanted) => {
                    let Some(trips) = self.of(OURS, *task, |figure| figure.round_trips as f64) else {
                        continue;
                    };
                    (
                        trips <= *wanted as f64,
                        format!("{name}: {trips:.0} round trips, wanted {wanted}"),
                    )
                }
            };
            verdicts.push((
                met,
                if met {
                    text
                } else {
                    format!("{text}; {}", self.limit(*task))
                },
            ));
        }
        if let Some((server, agent)) = self.memory(OURS) {
            let met = server <= MEMORY_LIMIT && agent <= MEMORY_LIMIT;
            verdicts.push((
                met,
                format!("peak memory: {server:.0} and {agent:.0} MiB, wanted {MEMORY_LIMIT:.0} each"),
            ));
        }
        verdicts
    }

    /// What held a task of ours up.
    fn limit(&self, task: Task) -> String {
        let busy = self.of(OURS, task, |figure| figure.busy).unwrap_or(0.0);
        let disk = self.of(OURS, task, |figure| figure.disk).unwrap_or(0.0);
        let resource = match () {
            () if busy > 0.85 => "the processors limit it",
            () if disk > 0.25 => "the disk limits it",
            () => "waiting limits it: neither processors nor disk are full",
        };
        let slowest = self.layers.iter().min_by(|one, other| one.1.total_cmp(&other.1));
        let layer = slowest
            .map(|(name, speed)| format!("; slowest layer: {name}, {speed:.0} MiB/s"))
            .unwrap_or_default();
        format!(
            "{resource} (processors {:.0} %, disk {:.0} %){layer}",
            busy * 100.0,
            disk * 100.0
        )
    }

    /// All figures of all runs.
    pub fn json(&self) -> Value {
        let figure = |figure: &Figure| {
            json!({"seconds": figure.seconds, "owed": figure.owed, "processors": figure.busy, "disk": figure.disk,
                   "round_trips": figure.round_trips})
        };
        let run = |run: &Figures| {
            let tasks: BTreeMap<_, _> = run
                .tasks
                .iter()
                .map(|(task, f)| (task.name(), figure(f)))
                .collect();
            json!({"tasks": tasks, "server_memory": run.server_memory, "client_memory": run.client_memory})
        };
        let contenders: BTreeMap<_, Vec<Value>> = self
            .figures
            .iter()
            .map(|(name, runs)| (*name, runs.iter().map(run).collect()))
            .collect();
        let medians: BTreeMap<_, BTreeMap<_, _>> = self
            .figures
            .keys()
            .map(|name| {
                (
                    *name,
                    Task::ALL
                        .iter()
                        .map(|task| (task.name(), self.seconds(name, *task)))
                        .collect(),
                )
            })
            .collect();
        let ratios: BTreeMap<_, _> = Task::ALL
            .iter()
            .map(|task| (task.name(), self.ratio(*task)))
            .collect();
        let on_disk: BTreeMap<_, _> = Task::ALL
            .iter()
            .map(|task| (task.name(), self.ratio_on_disk(*task)))
            .collect();
        let verdicts: Vec<_> = self
            .verdicts()
            .into_iter()
            .map(|(met, text)| json!({"met": met, "text": text}))
            .collect();
        let layers: BTreeMap<_, _> = self.layers.iter().cloned().collect();
        json!({"runs": self.runs, "place": self.place, "contenders": contenders, "medians": medians,
               "ratios": ratios, "ratios_on_disk": on_disk, "verdicts": verdicts, "layers": layers,
               "people": self.people.as_ref().map(People::json)})
    }
}

/// Of an even number the mean of the two in the middle; none of none.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => values.get(middle).copied(),
        _ => Some((values.get(middle - 1)? + values.get(middle)?) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
