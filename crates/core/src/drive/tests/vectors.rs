//! Language-neutral vectors: a small batch, what the fold makes of it, and the segment. `CRANNOG_BLESS=1` writes them anew.

use std::path::Path;

use crannog_proto::{decode, encode};
use serde_json::{Value, json};

use super::*;

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Compares with the committed file.
#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn check(name: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/core")
        .join(name);
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("CRANNOG_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == text,
        "{} differs; CRANNOG_BLESS=1 writes it anew",
        path.display()
    );
}

/// Two batches: all that an operation can be, and a conflict. A third: many of one name, and long ones.
fn batches() -> [DriveBatch; 3] {
    let link = NewNode::Symlink {
        target: b"a.txt".to_vec(),
    };
    let first = vec![
        mkdir(node(0x11), NodeId::ROOT, "docs"),
        create(node(0x22), node(0x11), "a.txt", 1),
        DriveOp::Create {
            node: node(0x33),
            parent: node(0x11),
            name: "link".into(),
            attrs: ATTRS,
            new: link,
        },
        create(node(0x44), NodeId::ROOT, "old", 2),
        trash(node(0x44)),
    ];
    let second = vec![
        write(node(0x22), 1, 3),
        write(node(0x22), 1, 4),
        create(node(0x55), NodeId::ROOT, "..", 5),
        relocate(node(0x33), NodeId::ROOT, "docs"),
        purge(node(0x44)),
        DriveOp::PurgeVersion {
            node: node(0x22),
            version: version(1),
        },
        DriveOp::SetAttrs {
            node: node(0x11),
            attrs: Attrs {
                mtime_s: -1,
                mtime_ns: 5,
                mode: 0o7755,
            },
        },
        DriveOp::Repack {
            node: node(0x22),
            version: version(3),
            content: content(7),
        },
        DriveOp::Repack {
            node: node(0x22),
            version: version(3),
            content: sized(8, 11),
        },
    ];
    let mut third: Vec<DriveOp> = (0x60..0x6c)
        .map(|n| mkdir(node(n), node(0x11), "same.name"))
        .collect();
    for (n, name) in [(0x70, "ü".repeat(126)), (0x72, "ü".repeat(150) + ".txt")] {
        third.push(mkdir(node(n), NodeId::ROOT, &name));
        third.push(mkdir(node(n + 1), NodeId::ROOT, &name));
    }
    let filler = vec![BlobId::of(b"filler")];
    [
        DriveBatch {
            ops: first,
            filler: Vec::new(),
        },
        DriveBatch { ops: second, filler },
        DriveBatch {
            ops: third,
            filler: Vec::new(),
        },
    ]
}

#[test]
fn drive_vectors() {
    let mut state = MemoryDrive::new();
    let entries: Vec<Value> = (1..)
        .zip(batches())
        .map(|(seq, batch)| {
            let bytes = encode(&batch);
            assert_eq!(decode::<DriveBatch>(&bytes).unwrap(), batch);
            let meta = meta(seq, seq - 1);
            let outcomes: Vec<String> = (0..)
                .zip(&batch.ops)
                .map(|(index, op)| (EntryMeta { index, ..meta }, op))
                .map(|(meta, op)| match apply(&mut state, &meta, op).unwrap().outcome {
                    Outcome::Done => "done".to_owned(),
                    Outcome::Conflict(landing) => format!("conflict: {}", landing.name),
                    Outcome::Recovered(landing) => format!("recovered: {}", landing.name),
                    Outcome::Ignored(reason) => format!("ignored: {reason:?}"),
                })
                .collect();
            json!({
                "seq": meta.seq,
                "seen_seq": meta.seen_seq,
                "time": meta.time,
                "account": hex(&meta.account.0),
                "device": hex(&meta.device.0),
                "device_name": meta.device_name,
                "batch": hex(&bytes),
                "outcomes": outcomes,
            })
        })
        .collect();
    check_invariants(&state);
    check(
        "drive-batches.json",
        &json!({
            "description": "docs/spec/drive.md: each batch is a Borsh DriveBatch; the fold gives one outcome per operation",
            "entries": entries,
        }),
    );

    let records = records(&state, 0, 2);
    let plaintext = encode(&records);
    let segment = segment_of(
        0,
        2,
        records.len() as u64,
        &plaintext,
        sized(9, plaintext.len() as u64),
    );
    assert_eq!(open_segment(&segment, &plaintext).unwrap().records(), records);
    check(
        "drive-segment.json",
        &json!({
            "description": "docs/spec/drive.md, Checkpoints: the segment (0, 2] after drive-batches.json",
            "plaintext": hex(&plaintext),
            "records": records.len(),
            "hash": segment.hash.to_string(),
            "segment": hex(&encode(&segment)),
        }),
    );
}
