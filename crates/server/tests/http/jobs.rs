//! Jobs of the real binary.

use crannog_proto::Kind;

use crate::blobs::walk;
use crate::client::Client;
use crate::fixtures::{Person, noise};
use crate::operate::{Daemon, crannogd, json};

#[tokio::test]
async fn jobs_run_by_themselves_and_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let daemon = Daemon::start_with(&data, "grace_days = 0\n");
    let rows = json(&crannogd(&data, &["jobs", "list", "--json"]));
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "certificate",
            "collection",
            "inbox",
            "invites",
            "leases",
            "orphans",
            "sessions"
        ]
    );
    assert!(
        rows.as_array()
            .unwrap()
            .iter()
            .all(|row| row["last_success"].is_i64() && row["lease_until"].is_null())
    );
    let made = json(&crannogd(&data, &["invite", "create", "--json"]));
    let url = made["server"].as_str().unwrap().parse().unwrap();
    let (alice, mut client) = (Person::new("alice"), Client::connect(&url, &data).await);
    client
        .register(&alice, made["invite"].as_str().unwrap())
        .await
        .read::<crannog_proto::api::Registered>();
    client.login(&alice).await;
    let mut journal = client.create().await;
    let id = client.put_ok(&journal, noise(1000)).await;
    let add = journal.entry(Kind::Change, &[id], &[]);
    client.done(&mut journal, &add).await;
    let gone = journal.entry(Kind::Change, &[], &[id]);
    client.done(&mut journal, &gone).await;
    assert!(crannogd(&data, &["jobs", "run", "leases"]).status.success());
    assert_eq!(walk(&data.join("blobs")).len(), 1, "that is another job's");
    assert!(crannogd(&data, &["jobs", "run", "collection"]).status.success());
    assert_eq!(walk(&data.join("blobs")).len(), 0);
    let unknown = crannogd(&data, &["jobs", "run", "laundry"]);
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("there is no job laundry"),
        "{unknown:?}"
    );

    let key = folder.path().join("key");
    let key = key.to_str().unwrap();
    let public = json(&crannogd_alone(&["backup", "keygen", key, "--json"]));
    let repository = folder.path().join("backup");
    let args = [
        "backup",
        "create",
        repository.to_str().unwrap(),
        "--key",
        public["key"].as_str().unwrap(),
    ];
    assert!(crannogd(&data, &args).status.success());
    let shown = crannogd(&data, &["jobs", "list"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("backup ")).unwrap();
    assert!(row.ends_with("idle") && !row.contains("never"), "{row}");
    daemon.stop();
    // Whoever died with a lease does not hold up the next start.
    let database = rusqlite::Connection::open(data.join("crannogd.db")).unwrap();
    let changed = database
        .execute("UPDATE jobs SET holder = x'00', expires = 9000000", [])
        .unwrap();
    assert_eq!(changed, 8);
    drop(database);
    let daemon = Daemon::start(&data);
    assert!(crannogd(&data, &["jobs", "run", "orphans"]).status.success());
    daemon.stop();
}

fn crannogd_alone(args: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_crannogd"))
        .args(args)
        .output()
        .unwrap()
}
