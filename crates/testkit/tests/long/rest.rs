//! Does a process at rest grow from hour to hour? Nothing else is asked of it.

use std::collections::BTreeMap;

use super::figures::{Process, mib};

/// So many samples of one process say something.
const ENOUGH: usize = 6;
/// Memory may be higher at the end by a tenth and this.
const MEMORY: u64 = 8 << 20;
/// Connections that stay open differ by so many descriptors from one rest to the next.
const DESCRIPTORS: u64 = 4;

/// What was measured, by process: one that was killed and its successor are two.
#[derive(Debug, Default)]
pub(crate) struct Rest(BTreeMap<(&'static str, i32), Vec<Process>>);

impl Rest {
    pub(crate) fn note(&mut self, who: &'static str, pid: i32) -> Process {
        let found = Process::of(pid);
        self.0.entry((who, pid)).or_default().push(found);
        found
    }

    /// The median of the last third is not above that of the second by more than is allowed. Prints both; what grew comes back.
    pub(crate) fn grown(&self) -> Vec<String> {
        let mut grown = Vec::new();
        for ((who, pid), samples) in &self.0 {
            if samples.len() < ENOUGH {
                continue;
            }
            let of =
                |samples: &[Process], what: fn(&Process) -> u64| median(samples.iter().map(what).collect());
            let memory = late_thirds(samples).map(|part| of(part, |process| process.memory));
            let open = late_thirds(samples).map(|part| of(part, |process| process.descriptors));
            println!(
                "{who} {pid}, {} hours: memory {} to {} MiB, descriptors {} to {}",
                samples.len(),
                mib(memory[0]),
                mib(memory[1]),
                open[0],
                open[1]
            );
            if memory[1] > memory[0] + memory[0] / 10 + MEMORY {
                grown.push(format!("memory of {who} {pid}"));
            }
            if open[1] > open[0] + DESCRIPTORS {
                grown.push(format!("descriptors of {who} {pid}"));
            }
        }
        grown
    }

    /// Processes of which there are enough samples.
    pub(crate) fn judged(&self) -> usize {
        self.0.values().filter(|samples| samples.len() >= ENOUGH).count()
    }
}

/// The second and the last third. In the first one the databases' caches fill, and the first checkpoints are yet to come; what leaks goes on.
pub(crate) fn late_thirds<T>(samples: &[T]) -> [&[T]; 2] {
    let third = samples.len() / 3;
    let (before, last) = samples.split_at(samples.len() - third);
    [&before[before.len() - third..], last]
}

/// The one in the middle.
pub(crate) fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}
