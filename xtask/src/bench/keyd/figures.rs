//! What one measurement gave, and what several of the same case give together.

use std::fmt;

use serde_json::{Value, json};

use crate::{Outcome, json};

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub case: Case,
    /// How fast it was.
    pub speed: Speed,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Whose server.
    pub who: String,
    /// What it does.
    pub what: String,
    /// Connections at once.
    pub connections: u64,
    /// Operations of one request.
    pub operations: u64,
}

/// Requests a second, and microseconds of one request: its time, and what it takes of processors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
    pub server: f64,
    pub client: f64,
}

impl Measured {
    /// From a line of the bench.
    pub fn read(line: &Value) -> Outcome<Self> {
        let count = |name: &str| line[name].as_u64().ok_or_else(|| format!("no {name} in {line}"));
        let number = |name: &str| line[name].as_f64().ok_or_else(|| format!("no {name} in {line}"));
        Ok(Self {
            case: Case {
                who: json::text(line, "who")?,
                what: json::text(line, "what")?,
                connections: count("connections")?,
                operations: count("operations")?,
            },
            speed: Speed {
                rate: number("requests_per_second")?,
                p50: number("p50_us")?,
                p99: number("p99_us")?,
                server: number("server_cpu_us")?,
                client: number("client_cpu_us")?,
            },
        })
    }
}

impl Case {
    /// Operations a second.
    pub fn operations(&self, speed: &Speed) -> f64 {
        speed.rate * self.operations as f64
    }
}

impl Speed {
    /// The median of each figure by itself.
    pub fn median(rounds: &[Self]) -> Self {
        let median = |figure: fn(&Self) -> f64| {
            let values = rounds.iter().map(figure).collect();
            super::super::report::median(values).unwrap_or(f64::NAN)
        };
        Self {
            rate: median(|speed| speed.rate),
            p50: median(|speed| speed.p50),
            p99: median(|speed| speed.p99),
            server: median(|speed| speed.server),
            client: median(|speed| speed.client),
        }
    }

    /// Named.
    pub fn json(&self) -> Value {
        json!({"requests_per_second": self.rate, "p50_us": self.p50, "p99_us": self.p99,
               "server_cpu_us": self.server, "client_cpu_us": self.client})
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.case, self.speed)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:15} {:30} {:>4}", self.who, self.what, self.connections)
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>10.0} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
            self.rate, self.p50, self.p99, self.server, self.client
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_bench_is_read() {
        let line = json!({"round": 0, "who": "crannog-keyd", "what": "encrypt xaes256-gcm x 1000", "connections": 16,
            "operations": 1000, "requests_per_second": 400.0, "p50_us": 2.0, "p99_us": 3.0,
            "server_cpu_us": 4.0, "client_cpu_us": 5.0});
        let measured = Measured::read(&line).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(measured.case.operations(&measured.speed), 400_000.0);
        assert!(Measured::read(&json!({"who": "crannog-keyd"})).is_err());
    }
}
