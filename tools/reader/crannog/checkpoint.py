"""Checkpoints (drive.md): starting from one that home vouches for, and comparing one with the own fold."""
from . import types as T
from .borsh import Value, decode
from .content import why_senseless
from .errors import Refused, demand
from .fold import FIXED, RECOVERED, ROOT, Drive, Node, name_ok, target_ok
from .prim import H

SEGMENTS_MAX, RECORD_MIN, SEGMENT_BYTES = 1024, 25, 256 << 20


def check_manifest(manifest):
    demand(len(manifest.segments) <= SEGMENTS_MAX, "CHK-024", "a manifest has too many segments")
    at = 0
    for s in manifest.segments:
        demand(s.after == at and s.to > s.after, "CHK-030", "a manifest has gaps")
        demand(s.records <= s.content.size // RECORD_MIN, "CHK-024", "a segment claims more records than its bytes can hold")
        demand(s.content.size <= SEGMENT_BYTES, "CHK-024", "a segment is too long")
        at = s.to
    demand(at == manifest.through and manifest.forgotten <= manifest.through, "CHK-030", "a manifest does not reach its through")


def load_segment(segment, contents):
    """The records of a segment, each one that a fold can make."""
    def bad(why):
        return Refused("CHK-030", f"a segment of a checkpoint: {why}")

    plain = b"".join(contents.read(segment.content, "a checkpoint"))
    if H("segment.", plain) != segment.hash:
        raise bad("its hash differs")
    records = decode(T.Records, plain)
    if len(records) != segment.records:
        raise bad("its count differs")
    if any(a.node >= b.node for a, b in zip(records, records[1:])):
        raise bad("its order is wrong")
    for r in records:
        if r.node in FIXED or not segment.after < r.changed <= segment.to:
            raise bad("a record of a fixed node, or out of range")
        if r.tag == "Gone":
            continue
        if not name_ok(r.name) or not 0 < r.created <= r.changed or r.attrs.mode > 0o777 or r.attrs.mtime_ns > 999_999_999:
            raise bad("a record that no fold makes")
        if r.trashed is not None and not r.created <= r.trashed <= r.changed:
            raise bad("a record with seqs out of order")
        if r.kind.tag == "Symlink" and not target_ok(r.kind.target):
            raise bad("a senseless link")
        if r.kind.tag == "File":
            vs = r.kind.versions
            if not vs or len({v.version for v in vs}) != len(vs):
                raise bad("a file without version, or with one twice")
            seqs = [v.seq for v in vs]
            if seqs != sorted(seqs) or seqs[0] < r.created or seqs[-1] > r.changed:
                raise bad("versions out of order")
            if any(v.attrs.mode > 0o777 or v.attrs.mtime_ns > 999_999_999 or why_senseless(v.content) for v in vs):
                raise bad("a senseless version")
    return records


def record_of(node):
    kind = {"Directory": lambda: Value("Directory"), "File": lambda: Value("File", versions=node.versions),
            "Symlink": lambda: Value("Symlink", target=node.target)}[node.kind]()
    return Value("Node", node=node.id, parent=node.parent, name=node.name, attrs=node.attrs, kind=kind,
                 created=node.created, changed=node.changed, trashed=node.trashed)


def start(manifest, contents) -> Drive:
    """The drive as it was at `through`."""
    check_manifest(manifest)
    drive, have = Drive(), set()
    for segment in reversed(manifest.segments):
        for r in load_segment(segment, contents):
            if r.node in have:
                continue
            have.add(r.node)
            if r.tag == "Gone":
                demand(r.changed > manifest.forgotten, "CHK-030", "a checkpoint holds what it forgot")
                drive.gone[r.node] = r.changed
                continue
            drive.nodes[r.node] = Node(id=r.node, parent=r.parent, name=r.name, attrs=r.attrs, kind=r.kind.tag,
                                       versions=getattr(r.kind, "versions", None), target=getattr(r.kind, "target", None),
                                       created=r.created, changed=r.changed, trashed=r.trashed)
    for node in drive.nodes.values():
        demand(drive.is_directory(node.parent), "CHK-030", "a checkpoint has a node whose parent is no directory")
        demand(node.trashed is not None or (node.parent, node.name) not in drive.names, "CHK-030",
               "a checkpoint has two siblings of one name")
        drive.attach(node)
    reached, stack = 0, [ROOT, RECOVERED]
    while stack:
        below = drive.children.get(stack.pop(), ())
        reached += len(below)
        stack += below
    demand(reached == len(drive.nodes), "CHK-030", "a checkpoint has a cycle")
    return drive


def compare(segment, contents, drive):
    """Byte for byte with the own fold, which may already stand behind `to`."""
    there = {r.node: r for r in load_segment(segment, contents)}
    for node in drive.nodes.values():
        if segment.after < node.changed <= segment.to:
            r = there.pop(node.id, None)
            demand(r is not None and T.Record.enc(r) == T.Record.enc(record_of(node)), "CHK-030",
                   "a checkpoint's segment differs from the own fold")
    for node, seq in drive.gone.items():
        if segment.after < seq <= segment.to:
            r = there.pop(node, None)
            demand(r is not None and r.tag == "Gone" and r.changed == seq, "CHK-030",
                   "a checkpoint's segment differs from the own fold")
    for node in there:
        changed = drive.nodes[node].changed if node in drive.nodes else drive.gone.get(node, 0)
        demand(changed > segment.to, "CHK-030", "a checkpoint's segment has a record that the own fold does not have")
