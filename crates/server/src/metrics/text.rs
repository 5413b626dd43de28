//! The page in Prometheus' text format, version 0.0.4.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{Histogram, Metrics, lock};
use crate::store::{JobRow, Stats};

/// The whole page.
pub(crate) fn page(metrics: &Metrics, counts: Option<&(Stats, Vec<JobRow>)>) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, metrics, counts);
    page
}

fn write_page(
    out: &mut String,
    metrics: &Metrics,
    counts: Option<&(Stats, Vec<JobRow>)>,
) -> std::fmt::Result {
    head(out, "crannogd_build_info", "gauge", "Version of the program.")?;
    writeln!(
        out,
        "crannogd_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    )?;
    head(
        out,
        "crannogd_requests_total",
        "counter",
        "Requests answered, by route and status.",
    )?;
    for ((method, route, status), count) in lock(&metrics.requests).iter() {
        writeln!(
            out,
            "crannogd_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
        )?;
    }
    let name = "crannogd_request_seconds";
    head(out, name, "histogram", "Seconds until an answer began, by route.")?;
    for (route, histogram) in lock(&metrics.latencies).iter() {
        rows(out, name, &format!("route=\"{route}\""), histogram)?;
    }
    let received = metrics.received.load(Ordering::Relaxed);
    one(
        out,
        "crannogd_received_bytes_total",
        "counter",
        "Bytes from clients.",
        received,
    )?;
    let sent = metrics.sent.load(Ordering::Relaxed);
    one(
        out,
        "crannogd_sent_bytes_total",
        "counter",
        "Bytes to clients.",
        sent,
    )?;
    let connections = metrics.connections.load(Ordering::Relaxed);
    one(
        out,
        "crannogd_connections",
        "gauge",
        "Connections that are open.",
        connections,
    )?;
    let watchers = metrics.watchers.load(Ordering::Relaxed);
    one(
        out,
        "crannogd_bell_watchers",
        "gauge",
        "Clients that listen to the bell.",
        watchers,
    )?;
    for (name, help, histogram) in [
        (
            "crannogd_transaction_changes",
            "Changes that shared a transaction.",
            &metrics.batches,
        ),
        (
            "crannogd_commit_seconds",
            "Seconds of a commit of the database, its sync included.",
            &metrics.commits,
        ),
        (
            "crannogd_sync_seconds",
            "Seconds of a sync of a blob's file or folder.",
            &metrics.syncs,
        ),
    ] {
        head(out, name, "histogram", help)?;
        rows(out, name, "", histogram)?;
    }
    let Some((stats, jobs)) = counts else {
        return Ok(());
    };
    for (name, help, value) in [
        ("crannogd_accounts", "Accounts.", stats.accounts),
        ("crannogd_sessions", "Sessions.", stats.sessions),
        ("crannogd_journals", "Journals.", stats.journals),
        ("crannogd_entries", "Entries.", stats.entries),
        ("crannogd_blob_files", "Files of blobs.", stats.files),
        ("crannogd_blob_bytes", "Bytes of blobs on disk.", stats.file_bytes),
        (
            "crannogd_counted_bytes",
            "Bytes that count for quotas.",
            stats.used,
        ),
        (
            "crannogd_staged_blobs",
            "Blobs that no entry names yet.",
            stats.staged,
        ),
        ("crannogd_inbox_drops", "Drops in all inboxes.", stats.drops),
    ] {
        one(out, name, "gauge", help, value)?;
    }
    let name = "crannogd_job_last_success_timestamp_seconds";
    head(
        out,
        name,
        "gauge",
        "When a job, or a backup of the running server, ended well.",
    )?;
    for job in jobs {
        if let Some(at) = job.last_success {
            writeln!(
                out,
                "{name}{{job=\"{}\"}} {}",
                job.name,
                at.0.saturating_mul(3600)
            )?;
        }
    }
    Ok(())
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn one(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    value: impl std::fmt::Display,
) -> std::fmt::Result {
    head(out, name, kind, help)?;
    writeln!(out, "{name} {value}")
}

fn rows(out: &mut String, name: &str, label: &str, histogram: &Histogram) -> std::fmt::Result {
    let (buckets, all, sum) = histogram.read();
    let (comma, braces) = match label {
        "" => ("", String::new()),
        label => (",", format!("{{{label}}}")),
    };
    for (limit, count) in buckets {
        writeln!(out, "{name}_bucket{{{label}{comma}le=\"{limit}\"}} {count}")?;
    }
    writeln!(out, "{name}_bucket{{{label}{comma}le=\"+Inf\"}} {all}")?;
    writeln!(out, "{name}_sum{braces} {sum}\n{name}_count{braces} {all}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Metrics, page};

    #[test]
    fn a_page() {
        let metrics = Metrics::default();
        metrics.request(
            "GET",
            "/v1/journals/{journal}/entries",
            200,
            Duration::from_millis(3),
        );
        let watcher = metrics.watcher();
        let text = page(&metrics, None);
        for line in [
            "crannogd_requests_total{method=\"GET\",route=\"/v1/journals/{journal}/entries\",status=\"200\"} 1",
            "crannogd_request_seconds_bucket{route=\"/v1/journals/{journal}/entries\",le=\"0.001\"} 0",
            "crannogd_request_seconds_bucket{route=\"/v1/journals/{journal}/entries\",le=\"+Inf\"} 1",
            "crannogd_sync_seconds_count 0",
            "crannogd_bell_watchers 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        drop(watcher);
        assert!(page(&metrics, None).contains("crannogd_bell_watchers 0"));
    }
}
