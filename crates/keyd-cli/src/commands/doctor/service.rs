//! What the service says of itself.

use crannog_keyd_client::{Answer, Call, Health, HealthState, ReadKey, Status};
use jiff::Timestamp;

use super::finding::Finding;
use crate::commands::{keys, status};
use crate::failure::Failure;
use crate::human;
use crate::session::{Session, name, unexpected};

/// A clock that is off by more makes tokens and periods wrong; in seconds.
const CLOCK: u64 = 60;
/// Before this program existed; in seconds since 1970.
const EPOCH: i64 = 1_767_225_600;

/// Asks, and judges the answers.
pub(super) async fn look(session: &Session<'_>) -> Vec<Finding> {
    let health = match health(session).await {
        Ok(health) => health,
        Err(failure) => return vec![Finding::failed(session.place(), &failure)],
    };
    let mut found = vec![
        Finding::ok(session.place(), format!("answers, version {}", health.version)),
        clock(health.server_time_utc, Timestamp::now()),
    ];
    if health.sealed {
        found.push(Finding::broken("store", "locked: crannog-keyd unlock"));
    }
    match status::ask(session).await {
        Ok(status) => {
            found.extend(judge(&status));
            if status.damaged_keys > 0 {
                found.extend(damaged(session).await);
            }
        }
        Err(failure) => found.push(Finding::warning(
            "status",
            format!("cannot be seen by this user: {}", failure.message),
        )),
    }
    found
}

async fn health(session: &Session<'_>) -> Result<HealthState, Failure> {
    let asked = Health {
        active: Some(200),
        sealed: Some(200),
    };
    match session.call(&Call::Health(asked)).await?.answer {
        Answer::Health(health) => Ok(health),
        _ => Err(unexpected()),
    }
}

fn clock(theirs: u64, now: Timestamp) -> Finding {
    let here = u64::try_from(now.as_second()).unwrap_or(0);
    match theirs.abs_diff(here) {
        _ if now.as_second() < EPOCH => {
            Finding::broken("clock", format!("this machine says {}", human::moment(now)))
        }
        off if off > CLOCK => Finding::broken("clock", format!("the service's is {off} s off this one")),
        _ => Finding::ok("clock", human::time(theirs)),
    }
}

fn judge(status: &Status) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut look = |is_well: bool, well: Finding, ill: Finding| found.push(if is_well { well } else { ill });
    look(
        status.missing_measures.is_empty(),
        Finding::ok("hardening", status.measures.join(", ")),
        Finding::warning(
            "hardening",
            format!("this system lacks: {}", status.missing_measures.join(", ")),
        ),
    );
    look(
        status.unlocked_bytes == 0,
        Finding::ok("memory", format!("{} locked", human::size(status.locked_bytes))),
        Finding::warning(
            "memory",
            format!(
                "{} of secrets in ordinary memory: raise LimitMEMLOCK",
                human::size(status.unlocked_bytes)
            ),
        ),
    );
    look(
        status.damaged_keys == 0,
        Finding::ok("keys", status.keys.to_string()),
        Finding::broken(
            "keys",
            format!("{} of {} are damaged", status.damaged_keys, status.keys),
        )
        .check("KEY-001"),
    );
    let audit = &status.audit;
    look(
        !audit.full,
        Finding::ok("audit log", format!("{} records", audit.size)),
        Finding::broken("audit log", "full: raise audit.max_size, or make room"),
    );
    if audit.dropped > 0 {
        let text = format!("{} records were dropped to make room", audit.dropped);
        found.push(Finding::warning("audit log", text));
    }
    found
}

/// Which keys they are, of those that this user may see.
async fn damaged(session: &Session<'_>) -> Vec<Finding> {
    let Ok(names) = keys::names(session).await else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for key in names.keys {
        let Ok(name) = name(&key) else { continue };
        if let Err(failure) = session.call(&Call::ReadKey(name, ReadKey::default())).await
            && failure.message.contains("damaged")
        {
            found.push(Finding::failed(&key, &failure));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crannog_keyd_client::{AuditStatus, Status};
    use jiff::Timestamp;

    use super::super::finding::State;
    use super::{clock, judge};

    fn status() -> Status {
        Status {
            version: String::new(),
            store: String::new(),
            sealed: false,
            keys: 2,
            damaged_keys: 0,
            policy: String::new(),
            measures: vec!["files".into()],
            missing_measures: Vec::new(),
            locked_bytes: 1,
            unlocked_bytes: 0,
            connections: 1,
            audit: AuditStatus {
                origin: String::new(),
                verifier_key: String::new(),
                size: 1,
                dropped: 0,
                full: false,
            },
        }
    }

    #[test]
    fn each_ill_is_found_and_health_is_silent() {
        assert!(judge(&status()).iter().all(|finding| finding.state == State::Ok));
        let ills = |change: fn(&mut Status)| {
            let mut status = status();
            change(&mut status);
            let found = judge(&status)
                .into_iter()
                .filter(|finding| finding.state != State::Ok);
            found
                .map(|finding| (finding.object, finding.state))
                .collect::<Vec<_>>()
        };
        for (change, object, state) in [
            (
                (|s| s.missing_measures = vec!["scope".into()]) as fn(&mut Status),
                "hardening",
                State::Warning,
            ),
            (|s| s.unlocked_bytes = 1, "memory", State::Warning),
            (|s| s.damaged_keys = 1, "keys", State::Broken),
            (|s| s.audit.full = true, "audit log", State::Broken),
            (|s| s.audit.dropped = 1, "audit log", State::Warning),
        ] {
            assert_eq!(ills(change), [(object.to_owned(), state)]);
        }
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(clock(1_800_000_030, now).state, State::Ok);
        assert_eq!(clock(1_800_000_061, now).state, State::Broken);
        assert_eq!(clock(5, Timestamp::from_second(5).unwrap()).state, State::Broken);
    }
}
