//! Not a test but a measurement: `cargo nextest run -p crannog-server --run-ignored only speed --no-capture`.

use std::time::Instant;

use crannog_proto::{BlobId, Kind};

use crate::TestServer;
use crate::fixtures::noise;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn speed() {
    let server = TestServer::start().await;
    for (size, count, lanes) in [(1 << 20, 200, 1), (4 << 20, 100, 1), (4 << 20, 50, 4)] {
        let mut tasks = Vec::new();
        for lane in 0..lanes {
            let (_, mut client) = server.person(&format!("p{lane}-{size}-{lanes}")).await;
            let journal = client.create().await;
            let blobs: Vec<_> = (0..count)
                .map(|_| noise(size))
                .map(|bytes| (BlobId::of(&bytes), bytes))
                .collect();
            tasks.push((client, journal, blobs));
        }
        let start = Instant::now();
        let running: Vec<_> = tasks
            .into_iter()
            .map(|(mut client, journal, blobs)| {
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    for (id, bytes) in blobs {
                        assert_eq!(client.put(&journal, id, bytes).await.status, 204);
                        ids.push(id);
                    }
                    (client, journal, ids)
                })
            })
            .collect();
        let mut done = Vec::new();
        for task in running {
            done.push(task.await.unwrap());
        }
        let put = start.elapsed().as_secs_f64();
        let (client, journal, ids) = done.last_mut().unwrap();
        let append = Instant::now();
        let add = journal.entry(Kind::Change, ids, &[]);
        client.done(journal, &add).await;
        let append = append.elapsed();
        let read = Instant::now();
        for id in ids.iter() {
            assert_eq!(
                client
                    .blob(journal.id, *id, &journal.epoch.token)
                    .await
                    .body
                    .len(),
                size
            );
        }
        let read = read.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a measurement")]
        let bytes = (size * count) as f64;
        let put = bytes * f64::from(lanes) / put / 1e6;
        println!(
            "{} MiB x{lanes}: PUT {put:.0} MB/s, then append {append:?}, GET {:.0} MB/s",
            size >> 20,
            bytes / read / 1e6
        );
    }
    let (_, mut client) = server.person("latency").await;
    let mut journal = client.create().await;
    let (mut bare, mut with_blob) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let start = Instant::now();
        let entry = journal.change();
        client.done(&mut journal, &entry).await;
        bare.push(start.elapsed());
        let start = Instant::now();
        let id = client.put_ok(&journal, noise(4_000)).await;
        let entry = journal.entry(Kind::Change, &[id], &[]);
        client.done(&mut journal, &entry).await;
        with_blob.push(start.elapsed());
    }
    bare.sort_unstable();
    with_blob.sort_unstable();
    println!(
        "append {:?}, PUT and append {:?} (medians)",
        bare[100], with_blob[100]
    );
    server.stop().await;
}
