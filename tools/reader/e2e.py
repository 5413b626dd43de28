#!/usr/bin/env python3
"""A real server and a real client make a drive; the reader opens it from the words and a copy of the server's directory.

Usage: e2e.py CRANNOGD_BIN CRANNOG_BIN. The last line says how many checks passed and failed.
"""

import filecmp
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

READER = Path(__file__).with_name("crannog_read.py")
OTHER_WORDS = "radio flash lava stage agree match legend critic stand praise mouse satisfy\n"
MIB = 1 << 20
# 65 chunks and a tail: the list of chunks is cut into leaves.
LARGE = 65 * 4 * MIB + 123


class Server:
    def __init__(self, binary, data):
        self.binary, self.data = binary, data
        command = [binary, "serve", "--data", data, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"crannogd said {line!r}")

    def invite(self):
        command = [self.binary, "invite", "create", "--quota", "2GiB", "--json", "--data", self.data]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


class Device:
    """One profile; `home` is its folder."""

    def __init__(self, binary, home, password):
        self.binary, self.home = binary, home
        self.environment = {**os.environ, "CRANNOG_HOME": str(home), "CRANNOG_PASSWORD_FILE": str(password)}

    def __call__(self, *words, text=None):
        command = [self.binary, *map(str, words)]
        done = subprocess.run(command, env=self.environment, input=text or "", capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        subprocess.run([self.binary, "agent", "stop"], env=self.environment, capture_output=True)


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, what, holds, more=""):
        print(f"{'passed' if holds else 'FAILED'} {what}{'' if holds else f': {more}'}", flush=True)
        self.passed += bool(holds)
        self.failed += not holds


def read(words, data, *command, name="alice"):
    """The reader as anyone would call it: exit code, standard output, standard error."""
    known = ["--name", name] if name else []
    full = [sys.executable, READER, "--words", words, "--data", data, *known, *command]
    done = subprocess.run(list(map(str, full)), capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def fetch(words, data, path, *options, name="alice"):
    """One file by `get`: exit code, its bytes if there are any, standard error."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        code, _, error = read(words, data, *options, "get", path, out, name=name)
        return code, out.read_bytes() if out.exists() else None, error


def noise(path, size):
    with open(path, "wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, MIB)))


def make_files(folder):
    (folder / "letters" / "empty folder").mkdir(parents=True)
    (folder / "small.txt").write_text("a small file\n")
    (folder / "empty").touch()
    (folder / "letters" / "grüße 🦦.txt").write_text("Grüße\n" * 1000)
    (folder / "letters" / "link").symlink_to("../small.txt")
    for name, size in (
        ("edge", 1_047_990),
        ("past the edge", 1_047_991),
        ("chunk", 4 * MIB),
        ("ten", 10_000_000),
        ("large", LARGE),
    ):
        noise(folder / name, size)
    os.chmod(folder / "small.txt", 0o750)
    os.utime(folder / "small.txt", ns=(1_600_000_000_123_456_789,) * 2)


def differences(left, right):
    """Where two trees are not the same."""
    names = {entry.name for entry in os.scandir(left)} | {entry.name for entry in os.scandir(right)}
    for name in sorted(names):
        a, b = left / name, right / name
        if not (os.path.lexists(a) and os.path.lexists(b)):
            yield f"{name} is on one side only"
        elif a.is_symlink() or b.is_symlink():
            if not (a.is_symlink() and b.is_symlink() and os.readlink(a) == os.readlink(b)):
                yield f"{name} is another link"
        elif a.is_dir():
            yield from differences(a, b)
        elif not filecmp.cmp(a, b, shallow=False):
            yield f"{name} has other bytes"
        elif a.stat().st_mode != b.stat().st_mode or a.stat().st_mtime_ns != b.stat().st_mtime_ns:
            yield f"{name} has another mode or time"


def copy_of(data, place, copy_blob=shutil.copy2):
    shutil.copytree(data, place, ignore=shutil.ignore_patterns("admin.sock", "lock", "*-shm", "blobs"))
    shutil.copytree(data / "blobs", place / "blobs", copy_function=copy_blob)
    return place


def listed(text):
    """What `list --json` says, by drive and path."""
    return {(row["drive"], row["path"]): row for row in json.loads(text)}


def honest(check, words, data, files, scratch):
    before = sorted(path.relative_to(data) for path in data.rglob("*"))
    code, out, error = read(words, data, "list")
    check("list", code == 0 and "files/large" in out and "files/letters/link -> ../small.txt" in out, error + out)
    check("list shows sizes", f" {LARGE} " in out and "gone" not in out and " moved.txt" in out, out)
    code, out, error = read(words, data, "list", "--json")
    rows = listed(out) if code == 0 else {}
    drive = next((drive for drive, path in rows if path == "moved.txt"), "none")
    small = rows.get((drive, "files/small.txt"), {})
    check("list of everything", ("photos", "second drive") in rows and small.get("mode") == 0o750, error + out)
    code, out, error = fetch(words, data, "/files/small.txt", name=None)
    check("get, without the account's name", (code, out) == (0, (files / "small.txt").read_bytes()), error)
    code, _, error = read(words, data, "get-all", scratch / "all")
    check("get of everything ends well", code == 0, error)
    if code == 0:
        found = list(differences(files, scratch / "all" / drive / "files"))
        check("every byte, link, mode and time is the same", not found, found)
    code, _, error = read(words, data, "get", "/files/small.txt", scratch / "all" / drive / "moved.txt")
    check("an existing file is not replaced", code == 1, error)
    code, out, error = fetch(words, data, "/second drive", "--drive", "photos")
    check("a second drive", (code, out) == (0, b"in another drive\n"), error)
    code, _, error = fetch(words, data, "/files/not there")
    check("what is not there", code == 1 and "not there" in error, error)
    check("the copy is untouched", before == sorted(path.relative_to(data) for path in data.rglob("*")))


HOME = "journal = (SELECT j.id FROM journals j JOIN accounts a ON a.home = j.journal)"
# The journal with the most entries, home apart.
DRIVE_ROW = f"(SELECT journal FROM entries WHERE NOT {HOME} GROUP BY journal ORDER BY count(*) DESC LIMIT 1)"
DRIVE = f"journal = {DRIVE_ROW}"
LAST = "(SELECT max(seq) FROM entries m WHERE m.journal = entries.journal)"
INLINE = f"{DRIVE} AND seq > 0 AND body != x''"
ROLLED_BACK = f"""
    CREATE TEMP TABLE keep AS SELECT journal, max(seq) - 4 AS seq FROM entries WHERE NOT {HOME} GROUP BY journal
        HAVING max(seq) > 5;
    DELETE FROM entries WHERE seq > (SELECT keep.seq FROM keep WHERE keep.journal = entries.journal);
    UPDATE journals SET last_seq = (SELECT seq FROM keep WHERE journal = id), last_head = (SELECT head FROM entries e
        JOIN keep ON keep.journal = e.journal AND keep.seq = e.seq WHERE e.journal = id) WHERE id IN (SELECT journal FROM keep);
"""


def flip(table, column, where, at=-1):
    """An attack that turns one bit of one value."""

    def change(db, _):
        key, value = db.execute(f"SELECT rowid, {column} FROM {table} WHERE {where}").fetchone()
        value = bytearray(value)
        value[at] ^= 1
        db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(value), key))

    return change


def sql(text):
    return lambda db, _: db.executescript(text)


def swap_bodies(db, _):
    (one, _), (_, other) = db.execute(f"SELECT rowid, body FROM entries WHERE {INLINE} LIMIT 2").fetchall()
    db.execute("UPDATE entries SET body = ? WHERE rowid = ?", (other, one))


def blob_files(place):
    return [path for path in (place / "blobs").rglob("*") if path.is_file()]


def spoil(_, place):
    """New files: the old ones are shared with the honest copy."""
    for path in blob_files(place):
        data = bytearray(path.read_bytes())
        data[200] ^= 1
        path.unlink()
        path.write_bytes(data)


def lose(_, place):
    for path in blob_files(place):
        path.unlink()


# What is done to a copy, and the check that refuses it.
ATTACKS = [
    ("another layout", 10, sql("PRAGMA user_version = 4")),
    ("a changed link", 6, flip("links", "link", "seq = 0", 400)),
    ("a changed signature of a link", 6, flip("links", "link", "seq = 0")),
    ("another version of a link", 10, flip("links", "link", "seq = 0", 4)),
    ("a changed account secret", 4, flip("generations", "secrets", "1 ORDER BY number DESC", 600)),
    ("home is another journal", 5, sql(f"UPDATE accounts SET home = (SELECT journal FROM journals WHERE id = {DRIVE_ROW})")),
    ("a changed header in home", 16, flip("entries", "header", f"{HOME} AND seq = 1", 60)),
    ("a changed outer signature in home", 16, flip("entries", "signature", f"{HOME} AND seq = 1", 5)),
    ("a changed body in home", 18, flip("entries", "body", f"{HOME} AND seq = 1", 200)),
    ("a changed head in home", 11, flip("entries", "head", f"{HOME} AND seq = 1", 3)),
    ("a body of home declared pruned", 26, sql(f"UPDATE entries SET body = x'', gone = 1 WHERE {HOME} AND seq = 1")),
    ("an entry taken out of the middle of home", 29, sql(f"DELETE FROM entries WHERE {HOME} AND seq = 1")),
    ("a changed genesis", 21, flip("entries", "header", f"{DRIVE} AND seq = 0", 60)),
    ("another version of a header", 10, flip("entries", "header", f"{DRIVE} AND seq = 2", 0)),
    ("another journal in a header", 21, flip("entries", "header", f"{DRIVE} AND seq = 2", 5)),
    ("another epoch in a header", 16, flip("entries", "header", f"{DRIVE} AND seq = 2", 33)),
    ("a byte after a header", 29, sql(f"UPDATE entries SET header = CAST(header || x'00' AS BLOB) WHERE {DRIVE} AND seq = 2")),
    ("a changed outer signature", 16, flip("entries", "signature", f"{DRIVE} AND seq = 2")),
    ("a changed head", 11, flip("entries", "head", f"{DRIVE} AND seq = 2")),
    ("a changed body", 18, flip("entries", "body", INLINE)),
    ("the body of another entry", 18, swap_bodies),
    ("a body declared pruned", 26, sql(f"UPDATE entries SET body = x'', gone = 1 WHERE {DRIVE} AND seq = 2")),
    ("an entry taken out of the middle", 29, sql(f"DELETE FROM entries WHERE {DRIVE} AND seq = 2")),
    ("the last entry taken away", 12, sql(f"DELETE FROM entries WHERE {DRIVE} AND seq = {LAST}")),
    ("a drive rolled back behind a head in home", 12, sql(ROLLED_BACK)),
    ("damaged blobs", 1, spoil),
    ("lost blobs", 26, lose),
    ("blobs that no row names", 26, sql("DELETE FROM blobs")),
]


def hostile(check, words, data, scratch):
    code, _, error = fetch(words, data, "/files/ten")
    check("the honest twin of all attacks", code == 0, error)
    for name, number, change in ATTACKS:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            place = copy_of(data, Path(folder) / "bad", os.link)
            with closing(sqlite3.connect(place / "crannogd.db")) as db, db:
                change(db, place)
            code, out, error = fetch(words, place, "/files/ten")
        check(name, code == 11 and out is None and f"CHK-{number:03}" in error, f"{code} {error}")


def story(check, crannogd, crannog, scratch):
    data, files, password = scratch / "server", scratch / "files", scratch / "password"
    password.write_text("correct horse battery staple\n")
    files.mkdir()
    make_files(files)
    devices = [Device(crannog, scratch / f"device {n}", password) for n in range(2)]
    first, second = devices
    words, sheet = scratch / "words", scratch / "sheet"
    server = Server(crannogd, data)
    try:
        invite = server.invite()
        keep = ("--words-file", words, "--sheet-file", sheet)
        first("join", "--invite-file", "-", "--name", "alice", "--device", "laptop", *keep, text=invite)
        (files / "ten").write_bytes(b"the first version, soon replaced\n")
        first("put", "-r", files, "/")
        noise(files / "ten", 10_000_000)
        first("put", "-r", files, "/")
        first("put", files / "small.txt", "/gone.txt")
        first("put", files / "small.txt", "/gone too.txt")
        first("rm", "/gone.txt", "/gone too.txt")
        first("trash", "restore", "/gone too.txt")
        first("mv", "/gone too.txt", "/moved.txt")
        first("drive", "create", "photos")
        (scratch / "second").write_text("in another drive\n")
        first("put", scratch / "second", "photos:/second drive")
        copy = copy_of(data, scratch / "copy 1")
        print("a copy of a running server:", flush=True)
        honest(check, words, copy, files, scratch)
        code, out, error = fetch(sheet, copy, "/moved.txt", name=None)
        check("the recovery sheet", (code, out) == (0, (files / "small.txt").read_bytes()), error)

        print("after a recovery from the words:", flush=True)
        first.stop()
        url = json.loads(invite)["server"]
        second("recover", url, "--name", "alice", "--device", "phone", "--words-file", words, "--revoke-others", "--yes")
        (files / "after.txt").write_text("written by the second device\n")
        second("put", files / "after.txt", "/files/after.txt")
    finally:
        for device in devices:
            device.stop()
        server.stop()
    shutil.rmtree(scratch / "all")
    honest(check, words, data, files, scratch)
    other = scratch / "other words"
    other.write_text(OTHER_WORDS)
    code, _, error = read(other, data, "list")
    check("the words of another", code == 11 and "CHK-008" in error, error)
    code, _, error = read(words, data, "list", name="bob")
    check("the name of nobody", code == 11 and "no account bob" in error, error)
    hostile(check, words, data, scratch)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    crannogd, crannog = (str(Path(path).resolve()) for path in sys.argv[1:])
    check = Tally()
    with tempfile.TemporaryDirectory(prefix="crannog-e2e-") as folder:
        try:
            story(check, crannogd, crannog, Path(folder))
        except Exception as error:  # Shown and counted.
            check("the story itself", False, repr(error))
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


if __name__ == "__main__":
    sys.exit(main())
