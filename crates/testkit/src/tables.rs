//! What lies in a server's directory: the tables of its database, as a thief of the disk reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use serde_json::Value;

/// Prints every table: a list of rows in the order in which they lie, bytes as `0x` and hex.
const DUMP: &str = r#"
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
out = {}
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
    try:
        rows = db.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
    except sqlite3.OperationalError:
        rows = db.execute(f'SELECT * FROM "{name}"')
    columns = [column[0] for column in rows.description]
    text = lambda value: "0x" + value.hex() if isinstance(value, bytes) else value
    out[name] = [{column: text(value) for column, value in zip(columns, row)} for row in rows]
json.dump(out, sys.stdout)
"#;

/// A row: its columns by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub BTreeMap<String, Value>);

impl Row {
    /// A whole number.
    pub fn int(&self, column: &str) -> i64 {
        self.0[column]
            .as_i64()
            .unwrap_or_else(|| panic!("{column}: {self:?}"))
    }

    /// A whole number that is never below zero.
    pub fn uint(&self, column: &str) -> u64 {
        u64::try_from(self.int(column)).unwrap()
    }

    /// Bytes.
    pub fn bytes(&self, column: &str) -> Vec<u8> {
        let text = self.0[column].as_str().and_then(|text| text.strip_prefix("0x"));
        HEXLOWER
            .decode(text.unwrap_or_else(|| panic!("{column}: {self:?}")).as_bytes())
            .unwrap()
    }

    /// Bytes of a fixed length.
    pub fn id<const N: usize>(&self, column: &str) -> [u8; N] {
        self.bytes(column).try_into().unwrap()
    }

    /// Whether the column says nothing.
    pub fn is_null(&self, column: &str) -> bool {
        self.0[column].is_null()
    }
}

/// All tables of a directory.
#[derive(Debug, Clone)]
pub struct Tables {
    /// By name, the rows in the order in which they lie.
    pub tables: BTreeMap<String, Vec<Row>>,
    data: PathBuf,
}

impl Tables {
    /// Those of a server's directory. It may run, but nobody may write meanwhile.
    pub fn of(data: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for name in ["crannogd.db", "crannogd.db-wal"] {
            if data.join(name).exists() {
                fs::copy(data.join(name), copy.path().join(name)).unwrap();
            }
        }
        let output = Command::new(python())
            .args(["-c", DUMP])
            .arg(copy.path().join("crannogd.db"))
            .output()
            .expect("Python; `cargo xtask setup` makes one");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let read: BTreeMap<String, Vec<BTreeMap<String, Value>>> =
            serde_json::from_slice(&output.stdout).unwrap();
        let rows = |rows: Vec<BTreeMap<String, Value>>| rows.into_iter().map(Row).collect();
        Self {
            tables: read.into_iter().map(|(name, all)| (name, rows(all))).collect(),
            data: data.to_owned(),
        }
    }

    /// A table's rows.
    pub fn table(&self, name: &str) -> &[Row] {
        &self.tables[name]
    }

    /// The row number of a journal.
    pub fn journal(&self, id: &[u8; 32]) -> i64 {
        let mut journals = self.table("journals").iter();
        let row = journals.find(|row| row.id::<32>("journal") == *id);
        row.expect("a journal of this server").int("id")
    }

    /// A journal's entries, by place.
    pub fn entries(&self, id: &[u8; 32]) -> Vec<&Row> {
        let journal = self.journal(id);
        let mut entries: Vec<&Row> = self
            .table("entries")
            .iter()
            .filter(|row| row.int("journal") == journal)
            .collect();
        entries.sort_by_key(|row| row.int("seq"));
        entries
    }

    /// The blobs that a journal holds: id, place of the entry that added it, and bytes.
    pub fn blobs(&self, id: &[u8; 32]) -> Vec<([u8; 32], u64, Vec<u8>)> {
        let journal = self.journal(id);
        let held = self
            .table("blobs")
            .iter()
            .filter(|row| row.int("journal") == journal);
        held.map(|row| (row.id("blob"), row.uint("added"), self.file(row.int("file"))))
            .collect()
    }

    fn file(&self, id: i64) -> Vec<u8> {
        let row = self
            .table("files")
            .iter()
            .find(|row| row.int("id") == id)
            .expect("a file");
        let name = HEXLOWER.encode(&row.bytes("name"));
        fs::read(self.data.join("blobs").join(&name[..2]).join(name)).unwrap()
    }
}

/// `CRANNOG_PYTHON`, else the one that `cargo xtask setup` makes, else the system's.
pub fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let own = root.join("target/venv/bin/python3");
    match std::env::var_os("CRANNOG_PYTHON") {
        Some(path) => path.into(),
        None if own.exists() => own,
        None => "python3".into(),
    }
}
