"""docs/spec/server-storage.md: a copy of a server's data directory. Nothing is ever written into it."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from encoding import Refused, decode
from identity import GENERATION_SECRETS
from journal import Stored

BLOB_MAX = 4_196_608


class Storage:
    def __init__(self, folder):
        self.folder = Path(folder)
        database, wal = self.folder / "crannogd.db", self.folder / "crannogd.db-wal"
        if not database.is_file():
            raise FileNotFoundError(f"{database} is not there: is this a copy of a server's data directory?")
        self.copy = None
        if wal.exists() and wal.stat().st_size > 0:
            # SQLite wants to write beside a database with a log; so it gets a copy of its own.
            self.copy = tempfile.TemporaryDirectory(prefix="crannog-read-")
            for file in (database, wal):
                shutil.copyfile(file, Path(self.copy.name) / file.name)
            place = f"{(Path(self.copy.name) / database.name).as_uri()}?mode=rw"
        else:
            place = f"{database.resolve().as_uri()}?mode=ro&immutable=1"
        self.db = sqlite3.connect(place, uri=True)
        version = self._one("PRAGMA user_version")[0]
        if version != 1:
            raise ValueError(f"the database has layout {version}; this script knows layout 1")

    def close(self):
        self.db.close()
        if self.copy is not None:
            self.copy.cleanup()

    def _one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()

    def account(self, name):
        """(account id, home journal's id) by name."""
        found = self._one("SELECT account, home FROM accounts WHERE name = ?", name)
        if found is None:
            raise LookupError(f"there is no account {name} in this copy")
        return found

    def links(self, account):
        rows = self.db.execute(
            "SELECT l.link FROM links l JOIN accounts a ON a.id = l.account WHERE a.account = ? ORDER BY l.seq", (account,)
        )
        return [link for (link,) in rows]

    def generations(self, account):
        rows = self.db.execute(
            "SELECT g.secrets FROM generations g JOIN accounts a ON a.id = g.account WHERE a.account = ? ORDER BY g.number",
            (account,),
        )
        return [decode(GENERATION_SECRETS, secrets) for (secrets,) in rows]

    def entries(self, journal):
        """All entries, checked to reach as far as the server ever said that they do."""
        found = self._one("SELECT id, last_seq, last_head FROM journals WHERE journal = ?", journal)
        if found is None:
            raise Refused(12, f"journal {journal.hex()[:16]} is missing in this copy")
        row, last, head = found
        rows = self.db.execute(
            "SELECT seq, head, header, signature, body, gone FROM entries WHERE journal = ? ORDER BY seq", (row,)
        )
        entries = [Stored(*values[:5], gone=bool(values[5])) for values in rows]
        if not entries or (entries[-1].seq, entries[-1].head) != (last, head):
            raise Refused(12, f"journal {journal.hex()[:16]} ends before the last entry that the server gave out")
        return entries

    def blob(self, journal, ident):
        found = self._one(
            "SELECT f.name FROM journals j JOIN blobs b ON b.journal = j.id JOIN files f ON f.id = b.file"
            " WHERE j.journal = ? AND b.blob = ?",
            journal,
            ident,
        )
        missing = Refused(26, f"blob {ident.hex()[:16]} is missing in this copy")
        if found is None:
            raise missing
        name = found[0].hex()
        try:
            with open(self.folder / "blobs" / name[:2] / name, "rb") as file:
                if os.fstat(file.fileno()).st_size > BLOB_MAX:
                    raise Refused(24, f"blob {ident.hex()[:16]} is too large")
                return file.read()
        except FileNotFoundError:
            raise missing from None
