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
    full = [sys.executable, str(READER), "--words-file", str(words), "--data", str(data), "--name", name, *map(str, command)]
    done = subprocess.run(full, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


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


def copy_of(data, place):
    shutil.copytree(data, place, ignore=shutil.ignore_patterns("admin.sock", "lock", "*-shm"))
    return place


def honest(check, words, data, files, scratch):
    before = sorted(path.relative_to(data) for path in data.rglob("*"))
    code, out, error = read(words, data, "ls")
    listed = out.decode()
    check("ls", code == 0 and "large" in listed and "link -> ../small.txt" in listed, error + listed)
    check("ls shows sizes", f" {LARGE} " in listed and "gone" not in listed, listed)
    code, out, error = read(words, data, "cat", "/files/small.txt")
    check("cat", (code, out) == (0, (files / "small.txt").read_bytes()), error)
    code, _, error = read(words, data, "get", "/files", scratch / "all")
    check("get of everything ends well", code == 0, error)
    if code == 0:
        found = list(differences(files, scratch / "all"))
        check("every byte, link, mode and time is the same", not found, found)
    code, _, error = read(words, data, "get", "/files/small.txt", scratch / "all" / "small.txt")
    check("an existing file is not replaced", code == 1, error)
    code, out, error = read(words, data, "--drive", "photos", "cat", "/second drive")
    check("a second drive", (code, out) == (0, b"in another drive\n"), error)
    code, _, error = read(words, data, "cat", "/files/not there")
    check("what is not there", code == 1 and "not there" in error, error)
    check("the copy is untouched", before == sorted(path.relative_to(data) for path in data.rglob("*")))


def hostile(check, words, data, scratch):
    def attack(name, ids, change, *command):
        place = scratch / "bad"
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            place = copy_of(data, Path(folder) / "bad")
            with closing(sqlite3.connect(place / "crannogd.db")) as db, db:
                change(db, place)
            code, _, error = read(words, place, *(command or ("ls",)))
        check(name, code == 11 and any(f"CHK-{n:03}" in error for n in ids), f"{code} {error}")

    def flip(table, column, where, at):
        def change(db, _):
            key, value = db.execute(f"SELECT rowid, {column} FROM {table} WHERE {where}").fetchone()
            value = bytearray(value)
            value[at] ^= 1
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(value), key))

        return change

    def sql(text):
        return lambda db, _: db.executescript(text)

    last = "(SELECT max(seq) FROM entries m WHERE m.journal = entries.journal)"
    home = "journal = (SELECT j.id FROM journals j JOIN accounts a ON a.home = j.journal)"
    attack("a changed link", [6, 29, 10], flip("links", "link", "seq = 0", 400))
    attack("a changed account secret", [4], flip("generations", "secrets", "1 ORDER BY number DESC", 600))
    attack("a changed header", [16, 11, 21, 10, 29, 24], flip("entries", "header", f"{home} AND seq = 1", 100))
    attack("a changed outer signature", [16], flip("entries", "signature", f"{home} AND seq = 1", 5))
    attack("a changed body", [18], flip("entries", "body", f"{home} AND seq = 1", 200))
    attack("a changed head", [11], flip("entries", "head", f"{home} AND seq = 1", 3))
    attack("an entry taken out of the middle", [11, 14], sql(f"DELETE FROM entries WHERE {home} AND seq = 1"))
    attack("the last entry taken away", [12], sql(f"DELETE FROM entries WHERE seq = {last}"))
    rolled_back = """
        CREATE TEMP TABLE keep AS SELECT journal, max(seq) - 4 AS seq FROM entries GROUP BY journal HAVING max(seq) > 5
            AND journal NOT IN (SELECT j.id FROM journals j JOIN accounts a ON a.home = j.journal);
        DELETE FROM entries WHERE seq > (SELECT keep.seq FROM keep WHERE keep.journal = entries.journal);
        UPDATE journals SET last_seq = (SELECT seq FROM keep WHERE journal = id), last_head = (SELECT head FROM entries e
            JOIN keep ON keep.journal = e.journal AND keep.seq = e.seq WHERE e.journal = id) WHERE id IN (SELECT journal FROM keep);
    """
    attack("a drive rolled back behind a head in home", [13, 4], sql(rolled_back))
    attack("a body declared pruned", [26], sql(f"UPDATE entries SET body = x'', gone = 1 WHERE {home} AND seq = 1"))

    def spoil(_, place):
        for file in (place / "blobs").rglob("*"):
            if file.is_file():
                with open(file, "r+b") as handle:
                    handle.seek(200)
                    byte = handle.read(1)[0]
                    handle.seek(200)
                    handle.write(bytes([byte ^ 1]))

    def lose(_, place):
        for file in (place / "blobs").rglob("*"):
            if file.is_file():
                file.unlink()

    attack("damaged blobs", [1], spoil, "cat", "/files/ten")
    attack("lost blobs", [26], lose, "cat", "/files/ten")


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
        code, out, error = read(sheet, copy, "cat", "/moved.txt")
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
    other.write_text("radio flash lava stage agree match legend critic stand praise mouse satisfy\n")
    code, _, error = read(other, data, "ls")
    check("the words of another", code == 11 and "CHK-008" in error, error)
    code, _, error = read(words, data, "ls", name="bob")
    check("the name of nobody", code == 1 and "no account bob" in error, error)
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
