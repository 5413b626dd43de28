"""docs/spec/drive.md: records, the fold, content, checkpoints."""

import datetime
from functools import lru_cache

from encoding import (
    B16,
    B32,
    BYTES,
    I64,
    MIB,
    STRING,
    U16,
    U32,
    U64,
    Enum,
    Option,
    Record,
    Refused,
    Struct,
    Variant,
    Vec,
    blob_id,
    decode,
    hash_of,
    padme,
)
from sealing import SUITE, floe_length, floe_open

CHUNK, IN_PACK, PACK_MAX = 4 * MIB, 1_047_990, 4 * MIB
INLINE_CHUNKS, LEAF_CHUNKS = 64, 4_096
NAME_MAX, TARGET_MAX, DEPTH_MAX, SEGMENTS_MAX = 1_024, 4_096, 1_024, 1_024

SLOT = Struct(key=B32, offset=U32, len=U32)
CHUNK_REF = Struct(blob=B32, key=B32, slot=Option(SLOT))
LEAF = Struct(blob=B32, key=B32, slot=SLOT, count=U32)
CONTENT = Struct(size=U64, chunks=Enum(Inline=Vec(CHUNK_REF), Leaves=Vec(LEAF)))
ATTRS = Struct(mtime_s=I64, mtime_ns=U32, mode=U16)
NEW_NODE = Enum(Directory=None, File=Struct(version=B16, content=CONTENT), Symlink=Struct(target=BYTES))
DRIVE_OP = Enum(
    Create=Struct(node=B16, parent=B16, name=STRING, attrs=ATTRS, new=NEW_NODE),
    Write=Struct(node=B16, base=B16, version=B16, attrs=ATTRS, content=CONTENT),
    Move=Struct(node=B16, parent=B16, name=STRING),
    Trash=Struct(node=B16),
    Restore=Struct(node=B16),
    Purge=Struct(node=B16),
    PurgeVersion=Struct(node=B16, version=B16),
    SetAttrs=Struct(node=B16, attrs=ATTRS),
)
DRIVE_BATCH = Struct(ops=Vec(DRIVE_OP), filler=Vec(B32))
VERSION = Struct(version=B16, seq=U64, time=I64, account=B32, device=B16, attrs=ATTRS, content=CONTENT)
RECORD_KIND = Enum(Directory=None, File=Vec(VERSION), Symlink=BYTES)
NODE = Struct(node=B16, parent=B16, name=STRING, attrs=ATTRS, kind=RECORD_KIND, created=U64, changed=U64, trashed=Option(U64))
RECORD = Enum(Node=NODE, Gone=Struct(node=B16, changed=U64))
SEGMENT = Struct(after=U64, to=U64, records=U64, hash=B32, content=CONTENT)
MANIFEST = Struct(through=U64, segments=Vec(SEGMENT))

ROOT, RECOVERED = bytes(16), bytes(15) + b"\x01"
FIXED = (ROOT, RECOVERED)


# Content


def pieces_of(size):
    return -(-size // CHUNK)


def piece_length(size, index):
    return min(CHUNK, size - index * CHUNK)


def chunk_fits(chunk, length):
    """Whether a chunk has the form that a piece of this length demands."""
    if length > IN_PACK:
        return chunk.slot is None
    slot = chunk.slot
    return slot is not None and slot.len == floe_length(length) and slot.offset + slot.len <= PACK_MAX


def content_fits(content):
    """Whether a content has the counts and slots that its size demands; if not, it is senseless."""
    count, chunks = pieces_of(content.size), content.chunks
    if count <= INLINE_CHUNKS:
        return (
            chunks.name == "Inline"
            and len(chunks.value) == count
            and all(chunk_fits(chunk, piece_length(content.size, i)) for i, chunk in enumerate(chunks.value))
        )
    if chunks.name != "Leaves" or len(chunks.value) != -(-count // LEAF_CHUNKS):
        return False
    for index, leaf in enumerate(chunks.value):
        if leaf.count != min(LEAF_CHUNKS, count - index * LEAF_CHUNKS):
            return False
        last = piece_length(content.size, index * LEAF_CHUNKS + leaf.count - 1)
        plain = 4 + leaf.count * 65 + (40 if last <= IN_PACK else 0)
        if leaf.slot.len != floe_length(plain) or leaf.slot.offset + leaf.slot.len > PACK_MAX:
            return False
    return True


class Store:
    """Opens contents; `blob(id)` gives a blob's bytes."""

    def __init__(self, blob):
        self.raw = blob
        self.pack = lru_cache(maxsize=4)(self._pack)

    def blob(self, ident):
        data = self.raw(ident)
        if blob_id(data) != ident:
            raise Refused(1, f"blob {ident.hex()[:16]} is damaged")
        return data

    def _pack(self, ident, key):
        return floe_open(key, "crannog/1 seal pack", SUITE, self.blob(ident))

    def _inner(self, blob, slot, key, label):
        pack = self.pack(blob, slot.key)
        if slot.offset + slot.len > len(pack):
            raise Refused(3, "a slot does not lie in its pack")
        return floe_open(key, label, SUITE, pack[slot.offset : slot.offset + slot.len])

    def piece(self, chunk, length):
        if not chunk_fits(chunk, length):
            raise Refused(3, "a chunk has not the form that its length demands")
        if chunk.slot is not None:
            plain = self._inner(chunk.blob, chunk.slot, chunk.key, "crannog/1 seal chunk")
            if len(plain) != length:
                raise Refused(3, "a chunk has not the length that size and index demand")
            return plain
        data, padded = self.blob(chunk.blob), padme(length)
        if len(data) != floe_length(padded):
            raise Refused(3, "a chunk has not the length that size and index demand")
        plain = floe_open(chunk.key, "crannog/1 seal chunk", SUITE, data)
        if any(plain[length:]):
            raise Refused(3, "the padding of a chunk is not zero")
        return plain[:length]

    def chunks(self, content):
        if not content_fits(content):
            raise Refused(24, "a file has not the chunks that its size demands")
        if content.chunks.name == "Inline":
            yield from content.chunks.value
            return
        for leaf in content.chunks.value:
            listed = decode(Vec(CHUNK_REF), self._inner(leaf.blob, leaf.slot, leaf.key, "crannog/1 seal list leaf"))
            if len(listed) != leaf.count:
                raise Refused(24, "a list has not the announced count")
            yield from listed

    def pieces(self, content):
        """The plaintext, piece by piece."""
        for index, chunk in enumerate(self.chunks(content)):
            yield self.piece(chunk, piece_length(content.size, index))

    def whole(self, content):
        return b"".join(self.pieces(content))


# The fold


def name_fits(name):
    return name not in (".", "..") and 1 <= len(name.encode()) <= NAME_MAX and not set(name) & {"/", "\0"}


def target_fits(target):
    return 1 <= len(target) <= TARGET_MAX and b"\0" not in target


def tame(attrs):
    return Record(mtime_s=attrs.mtime_s, mtime_ns=min(attrs.mtime_ns, 999_999_999), mode=attrs.mode & 0o777)


def cut(text, limit):
    """At most so many bytes of UTF-8, whole characters."""
    return text.encode()[:limit].decode(errors="ignore")


def conflict_name(name, device_name, time_ms, number):
    device = cut(device_name, 64).replace("/", "_").replace("\0", "_") or "unknown"
    day = min(max(time_ms // 86_400_000, 0), 2_932_896)
    date = (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
    dot = name.rfind(".")
    stem, extension = (name[:dot], name[dot:]) if dot > 0 else (name, "")
    if len(extension.encode()) > 64:
        stem, extension = name, ""
    mark = f" (conflict, {device}, {date}{'' if number == 1 else f' {number}'})"
    return cut(stem, NAME_MAX - len((mark + extension).encode())) + mark + extension


class Author:
    """Who wrote an entry, and when."""

    def __init__(self, seq, seen, time, device_name, account, device):
        self.seq, self.seen, self.time, self.device_name, self.account, self.device = (
            seq,
            seen,
            time,
            device_name,
            account,
            device,
        )


class Drive:
    """All nodes, as the operations left them."""

    def __init__(self):
        self.nodes, self.gone = {}, {}
        self.children = {ROOT: set(), RECOVERED: set()}
        self.names = {(ROOT, "Recovered"): RECOVERED}

    # Questions

    def live(self, ident):
        """Whether neither the node nor an ancestor is trashed, and the root or `/Recovered` is at most 1,024 steps away."""
        for _ in range(DEPTH_MAX + 1):
            if ident in FIXED:
                return True
            node = self.nodes.get(ident)
            if node is None or node.trashed is not None:
                return False
            ident = node.parent
        return False

    def live_directory(self, ident):
        return ident in FIXED or (self.live(ident) and self.nodes[ident].kind.name == "Directory")

    def live_node(self, ident):
        """The node, if it is live and none of the fixed ones."""
        return self.nodes[ident] if ident in self.nodes and self.live(ident) else None

    def known(self, ident):
        return ident in FIXED or ident in self.nodes or ident in self.gone

    def list(self, parent):
        """Names and nodes of a directory, in the order of names; None stands for `/Recovered`."""
        found = [(name, self.nodes.get(node)) for (where, name), node in self.names.items() if where == parent]
        return sorted(found, key=lambda pair: pair[0].encode())

    # Changes

    def _hide(self, node):
        if self.names.get((node.parent, node.name)) == node.node:
            del self.names[node.parent, node.name]

    def _place(self, node, parent, name, author):
        self._hide(node)
        self.children.get(node.parent, set()).discard(node.node)
        if not self.live_directory(parent):
            parent = RECOVERED
        wanted, number = name, 0
        while self.names.get((parent, name), node.node) != node.node:
            number += 1
            name = conflict_name(wanted, author.device_name, author.time, number)
        node.parent, node.name, node.trashed, node.changed = parent, name, None, author.seq
        self.nodes[node.node] = node
        self.names[parent, name] = node.node
        self.children.setdefault(parent, set()).add(node.node)
        self.children.setdefault(node.node, set())

    def _new(self, ident, attrs, kind, author):
        return Record(
            node=ident, parent=None, name=None, attrs=tame(attrs), kind=kind, created=author.seq, changed=author.seq, trashed=None
        )

    def _version(self, ident, op, content, author):
        return Record(
            version=ident,
            seq=author.seq,
            time=author.time,
            account=author.account,
            device=author.device,
            attrs=tame(op.attrs),
            content=content,
        )

    def apply(self, op, author):
        """One operation; whether it was done, and not ignored."""
        return getattr(self, f"_{op.name}")(op.value, author)

    def _Create(self, op, author):
        if self.known(op.node):
            return False
        new, kind = op.new, op.new
        parent, name = op.parent, op.name
        if new.name == "File":
            if not content_fits(new.value.content):
                return False
            kind = Variant("File", [self._version(new.value.version, op, new.value.content, author)])
        elif new.name == "Symlink":
            if not target_fits(new.value.target):
                return False
            kind = Variant("Symlink", new.value.target)
        if not name_fits(name):
            if new.name != "File":
                return False
            parent, name = RECOVERED, "recovered"
        self._place(self._new(op.node, op.attrs, kind, author), parent, name, author)
        return True

    def _Write(self, op, author):
        node = self.nodes.get(op.node)
        versions = node.kind.value if node is not None and node.kind.name == "File" else []
        if not content_fits(op.content) or op.version in FIXED or any(old.version == op.version for old in versions):
            return False
        version = self._version(op.version, op, op.content, author)
        live = versions and self.live(op.node)
        if live and versions[-1].version == op.base:
            versions.append(version)
            node.attrs, node.changed = tame(op.attrs), author.seq
            return True
        if self.known(op.version):
            return False
        beside = self._new(op.version, op.attrs, Variant("File", [version]), author)
        parent = node.parent if live else RECOVERED
        self._place(beside, parent, node.name if node is not None else "recovered", author)
        return True

    def _Move(self, op, author):
        node = self.live_node(op.node)
        if node is None or not name_fits(op.name) or not self.live_directory(op.parent):
            return False
        above = op.parent
        while above not in FIXED:
            if above == op.node:
                return False
            above = self.nodes[above].parent
        self._place(node, op.parent, op.name, author)
        return True

    def _Trash(self, op, author):
        node = self.live_node(op.node)
        if node is None:
            return False
        self._hide(node)
        node.trashed = node.changed = author.seq
        return True

    def _Restore(self, op, author):
        node = self.nodes.get(op.node)
        if node is None or node.trashed is None:
            return False
        self._place(node, node.parent, node.name, author)
        return True

    def _Purge(self, op, author):
        node = self.nodes.get(op.node)
        if node is None or node.trashed is None:
            return False
        waiting = [op.node]
        while waiting:
            ident = waiting.pop()
            node = self.nodes[ident]
            if node.changed > author.seen:
                self._place(node, RECOVERED, node.name, author)
                continue
            waiting += sorted(self.children.pop(ident), reverse=True)
            self._hide(node)
            self.children.get(node.parent, set()).discard(ident)
            del self.nodes[ident]
            self.gone[ident] = author.seq
        return True

    def _PurgeVersion(self, op, author):
        node = self.nodes.get(op.node)
        versions = node.kind.value if node is not None and node.kind.name == "File" else []
        if op.version not in [version.version for version in versions[:-1]]:
            return False
        versions[:] = [version for version in versions if version.version != op.version]
        node.changed = author.seq
        return True

    def _SetAttrs(self, op, author):
        node = self.live_node(op.node)
        if node is None:
            return False
        node.attrs, node.changed = tame(op.attrs), author.seq
        return True

    # Checkpoints

    def records(self, after, to):
        """The records of a segment, from this fold."""
        found = {node.node: Variant("Node", node) for node in self.nodes.values() if after < node.changed <= to}
        found |= {
            ident: Variant("Gone", Record(node=ident, changed=seq)) for ident, seq in self.gone.items() if after < seq <= to
        }
        return [found[ident] for ident in sorted(found)]

    @classmethod
    def from_checkpoint(cls, manifest, store):
        """The fold at `through`, from a vouched checkpoint's segments, newest first."""
        drive = cls()
        check_manifest(manifest)
        for segment in reversed(manifest.segments):
            plain = store.whole(segment.content)
            for record in check_segment(segment, plain):
                value = record.value
                if value.node in drive.nodes or value.node in drive.gone:
                    continue
                if record.name == "Gone":
                    drive.gone[value.node] = value.changed
                    continue
                drive.nodes[value.node] = value
        for node in drive.nodes.values():
            drive.children.setdefault(node.node, set())
            drive.children.setdefault(node.parent, set()).add(node.node)
            if node.trashed is None and drive.names.setdefault((node.parent, node.name), node.node) != node.node:
                raise Refused(30, "a checkpoint has two siblings of one name")
        for node in drive.nodes.values():
            parent = drive.nodes.get(node.parent)
            if node.parent not in FIXED and (parent is None or parent.kind.name != "Directory"):
                raise Refused(30, "a checkpoint has a node without a parent")
        return drive


def check_manifest(manifest):
    at = 0
    for segment in manifest.segments:
        if segment.after != at or segment.to <= segment.after:
            raise Refused(30, "a checkpoint's segments have gaps")
        if segment.records * 25 + 4 > segment.content.size:
            raise Refused(24, "a segment announces more records than its bytes can hold")
        at = segment.to
    if at != manifest.through or len(manifest.segments) > SEGMENTS_MAX:
        raise Refused(30, "a checkpoint's segments have gaps")


def check_segment(segment, plain):
    """The records of a segment, checked by themselves."""
    if len(plain) != segment.content.size:
        raise Refused(3, "a segment has another length")
    if hash_of("crannog/1 segment.", plain) != segment.hash:
        raise Refused(30, "a segment has another hash")
    records = decode(Vec(RECORD), plain)
    ids = [record.value.node for record in records]
    if any(a >= b for a, b in zip(ids, ids[1:])):
        raise Refused(29, "a segment's records are not in order")
    if len(records) != segment.records:
        raise Refused(30, "a segment's records are not as announced")
    for record in records:
        value = record.value
        good = segment.after < value.changed <= segment.to and value.node not in FIXED
        if record.name == "Node":
            good = good and name_fits(value.name) and tame(value.attrs) == value.attrs and 1 <= value.created <= value.changed
            good = good and (value.trashed is None or value.created <= value.trashed <= value.changed)
            if value.kind.name == "File":
                versions = value.kind.value
                good = good and versions and len({version.version for version in versions}) == len(versions)
                seqs = [version.seq for version in versions]
                good = good and seqs == sorted(seqs) and 1 <= seqs[0] and seqs[-1] <= value.changed
                good = good and all(content_fits(version.content) for version in versions)
            elif value.kind.name == "Symlink":
                good = good and target_fits(value.kind.value)
        if not good:
            raise Refused(30, "a segment holds a record that no fold makes")
    return records
