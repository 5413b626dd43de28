"""A copy of a server's data directory (server-storage.md). Nothing is ever written into it."""
import os
import re
import shutil
import sqlite3
import tempfile

from .errors import Refused, demand
from .prim import plain_hash

BLOB_MAX = 4_196_608
HEADER_MAX = 1 << 20
INLINE_MAX = 16_490


class Store:
    def __init__(self, data: str):
        self.data = data
        source = os.path.join(data, "crannogd.db")
        demand(os.path.isfile(source), "CHK-029", f"no crannogd.db in {data}")
        self._temp = tempfile.TemporaryDirectory(prefix="crannog-open-")
        copy = os.path.join(self._temp.name, "crannogd.db")
        shutil.copyfile(source, copy)
        if os.path.exists(source + "-wal"):
            shutil.copyfile(source + "-wal", copy + "-wal")
        self.db = sqlite3.connect(copy)
        self.db.execute("PRAGMA query_only = 1")
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        demand(version in (1, 2, 3), "CHK-010", f"the database has layout {version}; this reader knows 1 to 3")

    def close(self):
        self.db.close()
        self._temp.cleanup()

    def _rows(self, sql, *args):
        try:
            return self.db.execute(sql, args).fetchall()
        except sqlite3.Error as e:
            raise Refused("CHK-029", f"the database does not read: {e}") from None

    # accounts

    def account_by_name(self, name: str):
        return self._one("SELECT id, account, name, root, home FROM accounts WHERE name = ?", name)

    def accounts_by_root(self, root: bytes):
        return self._rows("SELECT id, account, name, root, home FROM accounts WHERE root = ?", root)

    def account_by_id(self, account: bytes):
        return self._one("SELECT id, account, name, root, home FROM accounts WHERE account = ?", account)

    def _one(self, sql, *args):
        rows = self._rows(sql, *args)
        return rows[0] if rows else None

    def links(self, row: int):
        return self._rows("SELECT seq, link FROM links WHERE account = ? ORDER BY seq", row)

    def generations(self, row: int):
        return dict(self._rows("SELECT number, secrets FROM generations WHERE account = ? ORDER BY number", row))

    # journals

    def journal(self, journal: bytes):
        """(row, last_seq, last_head) or None."""
        return self._one("SELECT id, last_seq, last_head FROM journals WHERE journal = ?", journal)

    def entries(self, row: int):
        try:
            yield from self.db.execute(
                "SELECT seq, entry, head, header, signature, body, gone FROM entries WHERE journal = ? ORDER BY seq", (row,))
        except sqlite3.Error as e:
            raise Refused("CHK-029", f"the database does not read: {e}") from None

    # blobs

    def blob(self, row: int, blob: bytes, what: str) -> bytes:
        found = self._one("SELECT f.name, f.size FROM blobs b JOIN files f ON f.id = b.file "
                          "WHERE b.journal = ? AND b.blob = ?", row, blob)
        demand(found, "CHK-026", f"the server does not have blob {blob.hex()} of {what}")
        name = found[0].hex()
        demand(re.fullmatch("[0-9a-f]{32}", name), "CHK-023", "a blob's file name is senseless")
        try:
            with open(os.path.join(self.data, "blobs", name[:2], name), "rb") as f:
                data = f.read(BLOB_MAX + 1)
        except OSError as e:
            raise Refused("CHK-026", f"the server does not have blob {blob.hex()} of {what}: {e.strerror}") from None
        demand(len(data) <= BLOB_MAX, "CHK-024", f"blob {blob.hex()} of {what} is too long")
        demand(plain_hash(data) == blob, "CHK-001", f"the bytes of blob {blob.hex()} of {what} are not those of its id")
        return data
