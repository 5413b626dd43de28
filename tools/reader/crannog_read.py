#!/usr/bin/env python3
"""Reads a Crannog drive from the recovery words and a copy of the server's data directory; written from docs/spec alone.

Exit codes: 0 done, 1 not possible, 2 wrong usage, 11 a check failed: the copy cannot be trusted.
"""

import argparse
import datetime
import os
import stat
import sys
from pathlib import Path

from drive import ROOT, Author, Drive, Store
from encoding import Refused, decode
from identity import Chain, Home, Sheet, open_account_secrets
from journal import HEADER, Journal
from sealing import Epoch
from storage import Storage


class Account:
    """An account opened with its words: everything from the sigchain to the folded drive is verified on the way."""

    def __init__(self, storage, name, sheet):
        self.storage, self.chains = storage, {}
        self.id, home = storage.account(name)
        chain = self.chain(self.id)
        if chain is None or chain.name != name:
            raise Refused(8, f"the sigchain is not that of {name}")
        if chain.root != sheet.words.root_public():
            raise Refused(8, f"the words are not those of {name}, or the copy holds another's sigchain")
        sheet.check_floor(chain)
        self.generations = open_account_secrets(chain, storage.generations(self.id), sheet.words)
        secrets = {generation.number: generation.home(home) for generation in self.generations}
        self.home = Home()
        journal = self._journal(home, "Home", secrets)
        for stored in storage.entries(home):
            opened = journal.read(stored)
            if opened.payload.content.name == "Home":
                for op in opened.payload.content.value:
                    self.home.apply(op, opened.author.device)
        self._heads_meet(journal)

    def chain(self, account):
        """Anyone's verified sigchain, or None."""
        if account not in self.chains:
            links = self.storage.links(account)
            chain = Chain(links) if links else None
            if chain is not None and chain.account != account:
                raise Refused(8, "a sigchain is stored under another account")
            self.chains[account] = chain
        return self.chains[account]

    def drives(self):
        """Names and journals of all drives."""
        found = {}
        for journal, epochs in self.home.secrets.items():
            if any(secret.kind.name == "Drive" for secret in epochs.values()):
                found[journal] = self.home.names.get(journal, journal.hex()[:16])
        return found

    def pick(self, name):
        """The journal of the drive that is meant."""
        drives = self.drives()
        if name is not None:
            meant = [journal for journal, known in drives.items() if known == name]
        else:
            meant = [self.home.default] if self.home.default in drives else list(drives)
        if len(meant) != 1:
            names = ", ".join(sorted(map(shown, drives.values()))) or "none"
            raise LookupError(f"say with --drive which drive is meant; there are: {names}")
        return meant[0]

    def open(self, ident):
        """A drive's fold and the store of its contents."""
        secrets = {
            epoch: Epoch(ident, epoch, value.grant.read, value.grant.write, value.grant.admin)
            for epoch, value in self.home.secrets[ident].items()
        }
        journal = self._journal(ident, "Drive", secrets)
        entries = self.storage.entries(ident)
        journal.walk_back(entries)
        vouched = self.home.vouched.get(ident) if any(row.gone for row in entries) else None
        if vouched is not None and not any((row.seq, row.head) == (vouched.seq, vouched.head) for row in entries):
            raise Refused(13, "the vouched checkpoint is not on this chain")
        through = self._through(entries, vouched)
        store = Store(lambda blob: self.storage.blob(ident, blob))
        drive, waiting = Drive(), []
        for stored in entries:
            opened = journal.read(stored, through)
            content = opened.payload.content if opened.payload else None
            if vouched is not None and stored.seq == vouched.seq:
                if content is None or content.name != "Checkpoint":
                    raise Refused(30, "what was vouched for is no checkpoint")
                drive = Drive.from_checkpoint(content.value, store)
            elif content is not None and content.name == "Drive" and (through is None or stored.seq > through):
                waiting.append(opened)
        for opened in waiting:
            payload = opened.payload
            author = Author(
                opened.seq, opened.header.seen.seq, payload.time, payload.device_name, opened.author.account, opened.author.device
            )
            for op in payload.content.value.ops:
                drive.apply(op, author)
        self._heads_meet(journal)
        return drive, store

    def _through(self, entries, vouched):
        """Through which seq the vouched checkpoint speaks; its header says it and is verified when it is read."""
        if vouched is None:
            return None
        kind = decode(HEADER, next(row.header for row in entries if row.seq == vouched.seq)).kind
        if kind.name != "Checkpoint":
            raise Refused(30, "what was vouched for is no checkpoint")
        return kind.value.through

    def _journal(self, ident, kind, secrets):
        kems = [generation.kem() for generation in reversed(self.generations)]
        return Journal(ident, kind, self.id, self.chain, lambda blob: self.storage.blob(ident, blob), secrets, kems)

    def _heads_meet(self, journal):
        """CHK-013: no device recorded in home another head, or a later one."""
        for (ident, _), head in self.home.heads.items():
            if ident != journal.id:
                continue
            if head.seq >= len(journal.heads):
                raise Refused(
                    13, "a device saw more of this journal than the copy holds: the copy is older, or entries were taken away"
                )
            if journal.heads[head.seq] != head.head:
                raise Refused(13, "a device saw another history of this journal")


def shown(text):
    """Text from a drive, without what would steer a terminal (CHK-023)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def find(drive, path):
    """The node at a path; None stands for the root and `/Recovered`. Returns (node id, node)."""
    ident, node = ROOT, None
    for name in [part for part in path.split("/") if part]:
        ident = drive.names.get((ident, name))
        if ident is None:
            raise LookupError(f"{shown(path)} is not there")
        node = drive.nodes.get(ident)
    return ident, node


def walk(drive, ident, prefix):
    """Path, node id and node of all that lies in a directory, from the top."""
    waiting = [(prefix, ident)]
    while waiting:
        path, directory = waiting.pop()
        inside = []
        for name, node in drive.list(directory):
            child = node.node if node is not None else drive.names[directory, name]
            if not drive.live(child) or (node is None and not drive.list(child)):
                continue
            yield f"{path}/{name}", child, node
            if node is None or node.kind.name == "Directory":
                inside.append((f"{path}/{name}", child))
        waiting += reversed(inside)


def line(path, node):
    if node is None:
        return f"d {'-':>12} {'-':20} {shown(path)}/"
    kind, value = node.kind.name, node.kind.value
    try:
        moment = datetime.datetime.fromtimestamp(node.attrs.mtime_s, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        moment = str(node.attrs.mtime_s)
    if kind == "Directory":
        return f"d {'-':>12} {moment:20} {shown(path)}/"
    if kind == "Symlink":
        return f"l {'-':>12} {moment:20} {shown(path)} -> {shown(value.decode(errors='backslashreplace'))}"
    return f"f {value[-1].content.size:>12} {moment:20} {shown(path)}"


def save(store, node, out):
    """One file or link to a path that does not exist yet."""
    attrs = node.attrs
    if node.kind.name == "Symlink":
        os.symlink(node.kind.value, os.fsencode(out))
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(out, flags, 0o600), "wb") as file:
        for piece in store.pieces(node.kind.value[-1].content):
            file.write(piece)
        os.fchmod(file.fileno(), attrs.mode | stat.S_IRUSR | stat.S_IWUSR)
    moment = attrs.mtime_s * 1_000_000_000 + attrs.mtime_ns
    try:
        os.utime(out, ns=(moment, moment))
    except (OverflowError, OSError):
        pass


def get(drive, store, path, out):
    """A file, a link or a whole directory. Names hold no `/` and are not `..`, and nothing is written through a link."""
    ident, node = find(drive, path)
    if node is not None and node.kind.name != "Directory":
        save(store, node, out)
        return
    os.mkdir(out)
    base = Path(out)
    for below, child, node in walk(drive, ident, ""):
        target = base / below.lstrip("/")
        if node is None or node.kind.name == "Directory":
            os.mkdir(target)
        else:
            save(store, node, target)


def cat(drive, store, path):
    _, node = find(drive, path)
    if node is None or node.kind.name != "File":
        raise LookupError(f"{shown(path)} is no file")
    for piece in store.pieces(node.kind.value[-1].content):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words-file", required=True, help="the twelve words, or a recovery sheet")
    parser.add_argument("--data", required=True, help="a copy of the server's data directory")
    parser.add_argument("--name", required=True, help="the account's name")
    parser.add_argument("--drive", help="which drive; without it the default one")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("drives", help="list the drives")
    commands.add_parser("ls", help="list everything below a path").add_argument("path", nargs="?", default="/")
    commands.add_parser("cat", help="write a file to standard output").add_argument("path")
    one = commands.add_parser("get", help="save a file, link or directory")
    one.add_argument("path")
    one.add_argument("out")
    return parser.parse_args()


def run(args):
    sheet = Sheet(Path(args.words_file).read_text(encoding="utf-8"))
    if sheet.name not in (None, args.name):
        raise ValueError(f"the recovery sheet is that of {sheet.name}")
    storage = Storage(args.data)
    try:
        account = Account(storage, args.name, sheet)
        if args.command == "drives":
            for ident, name in account.drives().items():
                print(f"{ident.hex()} {shown(name)}")
            return
        drive, store = account.open(account.pick(args.drive))
        if args.command == "ls":
            ident, node = find(drive, args.path)
            if node is not None and node.kind.name != "Directory":
                print(line(args.path, node))
                return
            for path, _, node in walk(drive, ident, args.path.rstrip("/")):
                print(line(path, node))
        elif args.command == "cat":
            cat(drive, store, args.path)
        else:
            get(drive, store, args.path, args.out)
    finally:
        storage.close()


def main():
    args = arguments()
    try:
        run(args)
    except Refused as error:
        print(f"crannog_read: refused: {error}", file=sys.stderr)
        return 11
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (LookupError, ValueError, OSError) as error:
        print(f"crannog_read: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
