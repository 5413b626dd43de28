#!/usr/bin/env python3
"""Opens a copy of a Crannog server's data directory with nothing but the twelve words. Written from docs/spec alone.

  crannog_read.py --words FILE --data DIR [--name ACCOUNT] [--drive NAME] info
  crannog_read.py --words FILE --data DIR [...] list [--json]
  crannog_read.py --words FILE --data DIR [...] get PATH OUT
  crannog_read.py --words FILE --data DIR [...] get-all OUTDIR

Exit codes: 0 done, 1 not possible, 2 wrong usage, 11 something does not verify (the id of its check is said: checks.md).
"""
import argparse
import base64
import datetime
import json
import os
import posixpath
import sys

from crannog.errors import Refused, demand, shown
from crannog.reader import Opened


def when(attrs):
    try:
        t = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=attrs.mtime_s)
        return t.strftime("%Y-%m-%dT%H:%M:%S") + f".{attrs.mtime_ns:09d}Z"
    except OverflowError:
        return f"{attrs.mtime_s}.{attrs.mtime_ns:09d}"


def size_of(node):
    if node.kind == "File":
        return node.versions[-1].content.size
    return len(node.target) if node.kind == "Symlink" else 0


def ns(attrs):
    return attrs.mtime_s * 10**9 + attrs.mtime_ns


def list_drive(drive, name, as_json):
    rows = []
    for path, node in drive.fold.tree():
        rows.append({"drive": name, "path": "/".join(path), "type": node.kind.lower(), "size": size_of(node),
                     "mtime_s": node.attrs.mtime_s, "mtime_ns": node.attrs.mtime_ns, "mode": node.attrs.mode,
                     **({"target": base64.b64encode(node.target).decode()} if node.kind == "Symlink" else {})})
        if not as_json:
            arrow = " -> " + shown(node.target) if node.kind == "Symlink" else ""
            print(f"{node.kind[0].lower()} {node.attrs.mode:04o} {size_of(node):>14} {when(node.attrs)} "
                  f"{shown('/'.join(path))}{arrow}")
    return rows


def write_file(drive, node, out, what):
    """Exact bytes; an unfinished file never keeps the name."""
    out = os.fsencode(out)
    part = os.path.join(os.path.dirname(out), b".crannog-part-%d" % os.getpid())  # short: names may be long
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(fd, "wb") as f:
            for piece in drive.contents.read(node.versions[-1].content, what):
                f.write(piece)
        os.chmod(part, node.attrs.mode)
        os.utime(part, ns=(ns(node.attrs),) * 2)
        os.rename(part, out)
    except BaseException:
        if os.path.lexists(part):
            os.unlink(part)
        raise


def get(drive, path, out):
    want = tuple(p for p in path.split("/") if p)
    node = next((n for p, n in drive.fold.tree() if p == want), None)
    if node is None:
        sys.exit(f"not found: {shown(path)}")
    if node.kind != "File":
        sys.exit(f"not a file: {shown(path)}")
    if os.path.lexists(out):
        sys.exit(f"already there: {shown(out)}")
    write_file(drive, node, out, shown(path))


def link_stays_inside(path, target):
    where = posixpath.normpath(posixpath.join(*path[:-1], os.fsdecode(target)))
    return not target.startswith(b"/") and where != ".." and not where.startswith("../")


def get_all(drive, out, every_link):
    """Directories, files, then links (so that nothing is written through one), then directories' times."""
    def at(path):
        return os.path.join(os.fsencode(out), *(p.encode() for p in path))

    os.makedirs(out)  # a new directory
    tree, links, failed = drive.fold.tree(), [], 0
    for path, node in tree:
        what = shown("/".join(path))
        for part in path:
            demand(part not in ("", ".", "..") and "/" not in part and "\0" not in part, "CHK-023",
                   f"senseless name in {what}")
        try:
            if node.kind == "Directory":
                os.mkdir(at(path))
            elif node.kind == "File":
                write_file(drive, node, at(path), what)
            else:
                links.append((path, node, what))
        except OSError as e:
            print(f"cannot write {what}: {e.strerror}", file=sys.stderr)
            failed += 1
    for path, node, what in links:
        if not every_link and not link_stays_inside(path, node.target):
            print(f"CHK-023: link leads outside and is not made (--every-link makes it): {what} -> {shown(node.target)}",
                  file=sys.stderr)
            failed += 1
            continue
        try:
            os.symlink(node.target, at(path))
            os.utime(at(path), ns=(ns(node.attrs),) * 2, follow_symlinks=False)
        except OSError as e:
            print(f"cannot make link {what}: {e.strerror}", file=sys.stderr)
            failed += 1
    for path, node in reversed(tree):
        if node.kind == "Directory" and os.path.isdir(at(path)):
            os.chmod(at(path), node.attrs.mode)
            os.utime(at(path), ns=(ns(node.attrs),) * 2)
    return failed


def folder_of(drive, drives):
    """A drive's folder in `get-all`: its name, or its id where the name will not do."""
    journal, name = drive
    unique = sum(other == name for _, other in drives) == 1
    fits = name not in ("", ".", "..") and "/" not in name and name.isprintable()
    return name if unique and fits else journal.hex()


def print_info(opened):
    account, home = opened.account, opened.home.journal
    print(f"account {account.chain.name} {account.id.hex()}")
    print(f"links {len(account.chain.hashes)} {' '.join(account.chain.kinds)}")
    print(f"home {account.home.hex()} entries {len(home.heads)} epoch {home.epoch}")
    for note in opened.invites():
        print(f"invite {shown(note.purpose.name)} {note.purpose.journal.hex()} from {note.sender.account.hex()}" if note
              else "invite that does not verify any more")


def print_drive(journal, name, drive):
    walk = drive.journal
    print(f"drive {shown(name)} {journal.hex()} entries {len(walk.heads)} epoch {walk.epoch} gone {len(walk.gone)} "
          f"start {walk.start} segments compared {drive.compared} skipped {drive.skipped} "
          f"nodes {len(drive.fold.nodes)} vanished {len(drive.fold.gone)}")
    for seq, refused in walk.passed_over:
        print(f"passed over entry {seq}: {refused}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--words", required=True, help="file with the twelve words, or a recovery sheet")
    p.add_argument("--data", required=True, help="copy of the server's data directory")
    p.add_argument("--name", help="account name (else the account is found by its root key)")
    p.add_argument("--drive", help="name or id of a drive (else: all, but for get the only or default one)")
    p.add_argument("--from-checkpoint", action="store_true",
                   help="start from the vouched checkpoint even if all bodies are there")
    sub = p.add_subparsers(dest="command", required=True)
    sub.add_parser("info", help="what the account and its drives are")
    sub.add_parser("list", help="list everything").add_argument("--json", action="store_true")
    one = sub.add_parser("get", help="save one file")
    one.add_argument("path")
    one.add_argument("out")
    everything = sub.add_parser("get-all", help="save everything into a new directory")
    everything.add_argument("outdir")
    everything.add_argument("--every-link", action="store_true", help="make links that lead outside, too")
    return p.parse_args()


def run(a, opened):
    """The exit code. A drive that does not verify gives nothing of itself, and does not hide the others."""
    drives = opened.home.drives()
    if a.drive:
        drives = [d for d in drives if a.drive in (d[1], d[0].hex())]
        if len(drives) != 1:
            sys.exit("there is no such drive, or more than one")
    elif a.command == "get":
        if not drives:
            sys.exit("there is no drive")
        drives = drives[:1]
    if a.command == "info":
        print_info(opened)
    if a.command == "get-all" and len(drives) != 1:
        os.makedirs(a.outdir)
    rows, refused, failed = [], 0, 0
    for journal, name in drives:
        try:
            drive = opened.drive(journal, a.from_checkpoint)
        except Refused as e:
            print(f"refused: drive {shown(name)}: {shown(str(e))}", file=sys.stderr)
            refused += 1
            continue
        if a.command == "info":
            print_drive(journal, name, drive)
        elif a.command == "list":
            if len(drives) > 1 and not a.json:
                print(f"drive {shown(name)} ({journal.hex()})")
            rows += list_drive(drive, name, a.json)
        elif a.command == "get":
            get(drive, a.path, a.out)
        else:
            alone = len(drives) == 1
            out = a.outdir if alone else os.path.join(a.outdir, folder_of((journal, name), drives))
            failed += get_all(drive, out, a.every_link)
    if a.command == "list" and a.json:
        print(json.dumps(rows, indent=1, ensure_ascii=True))
    return 11 if refused else 1 if failed else 0


def main():
    a = arguments()
    try:
        with open(a.words, encoding="utf-8") as f:
            words = f.read()
        opened = Opened(a.data, words, a.name)
        try:
            return run(a, opened)
        finally:
            opened.close()
    except Refused as e:
        print(f"refused: {shown(str(e))}", file=sys.stderr)
        return 11
    except OSError as e:
        print(f"not possible: {shown(str(e))}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
