"""The fold of a drive (drive.md): operations by (seq, index) become a tree."""
import datetime

from .borsh import Value
from .content import same_pieces, why_senseless

ROOT = bytes(16)
RECOVERED = bytes(15) + b"\x01"
FIXED = (ROOT, RECOVERED)
DEPTH = 1024
DAY_MS = 86_400_000


def name_ok(name: str) -> bool:
    return 1 <= len(name.encode()) <= 1024 and "\0" not in name and "/" not in name and name not in (".", "..")


def target_ok(target: bytes) -> bool:
    return 1 <= len(target) <= 4096 and b"\0" not in target


def clean(attrs):
    return Value(mtime_s=attrs.mtime_s, mtime_ns=min(attrs.mtime_ns, 999_999_999), mode=attrs.mode & 0o777)


def cut(text: str, limit: int) -> str:
    """At most `limit` bytes, ending at a character's end."""
    return text.encode()[:max(0, limit)].decode("utf-8", "ignore")


def conflict_names(name: str, device: str, time_ms: int, own: str):
    """`own` is the placing's own mark, from the tenth name on."""
    at = name.rfind(".")
    stem, ext = (name[:at], name[at:]) if at > 0 else (name, "")
    if len(ext.encode()) > 64:
        stem, ext = name, ""
    device = cut(device, 64).replace("/", "_").replace("\0", "_") or "unknown"
    last_day = (datetime.date(9999, 12, 31) - datetime.date(1970, 1, 1)).days
    days = max(0, min(time_ms // DAY_MS, last_day))
    date = (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()
    n = 1
    while True:
        number = (f" {n}" if n > 1 else "") if n < 10 else f" {own}" + (f" {n - 9}" if n > 10 else "")
        tail = f" (conflict, {device}, {date}{number})" + ext
        yield cut(stem, max(255, len(name.encode())) - len(tail.encode())) + tail
        n += 1


class Node:
    __slots__ = ("id", "parent", "name", "attrs", "kind", "versions", "target", "created", "changed", "trashed")

    def __init__(self, **fields):
        for k in self.__slots__:
            setattr(self, k, fields.get(k))


class Drive:
    def __init__(self):
        self.nodes = {}      # id -> Node
        self.gone = {}       # id -> seq by which it went
        self.children = {}   # id -> set of ids, trashed ones too
        self.names = {(ROOT, "Recovered"): RECOVERED}  # (parent, name) -> untrashed node
        self.index = 0       # of the operation in its entry

    # --- questions

    def is_directory(self, node):
        return node in FIXED or (node in self.nodes and self.nodes[node].kind == "Directory")

    def live(self, node) -> bool:
        steps = 0
        while node not in FIXED:
            found = self.nodes.get(node)
            if found is None or found.trashed is not None:
                return False
            node = found.parent
            steps += 1
            if steps > DEPTH:
                return False
        return True

    def exists(self, node):
        return node in FIXED or node in self.nodes

    def forget(self, through):
        self.gone = {node: seq for node, seq in self.gone.items() if seq > through}

    def below(self, node, top) -> bool:
        """Is `node` the node `top`, or below it?"""
        while node not in FIXED:
            if node == top:
                return True
            node = self.nodes[node].parent
        return node == top

    # --- changes of places

    def _detach(self, node):
        if node.parent is not None:
            self.children.get(node.parent, set()).discard(node.id)
            if node.trashed is None and self.names.get((node.parent, node.name)) == node.id:
                del self.names[(node.parent, node.name)]

    def attach(self, node):
        self.children.setdefault(node.parent, set()).add(node.id)
        if node.trashed is None:
            self.names[(node.parent, node.name)] = node.id

    def _place(self, node, parent, name, seq, payload):
        self._detach(node)
        if not (self.is_directory(parent) and self.live(parent)):
            parent = RECOVERED
        if self.names.get((parent, name), node.id) != node.id:
            own = f"{seq}-{self.index}-{node.id.hex()}"
            name = next(n for n in conflict_names(name, payload.device_name, payload.time, own)
                        if self.names.get((parent, n), node.id) == node.id)
        node.parent, node.name, node.trashed, node.changed = parent, name, None, seq
        self.nodes[node.id] = node
        self.gone.pop(node.id, None)
        self.attach(node)

    # --- operations

    def apply(self, entry):
        for self.index, op in enumerate(entry.payload.content.batch.ops):
            if op.node not in FIXED:
                getattr(self, "_" + op.tag.lower())(op, entry.seq, entry)

    def _version(self, version, attrs, content, entry):
        return Value(version=version, seq=entry.seq, time=entry.payload.time, account=entry.author.account,
                     device=entry.author.device, attrs=attrs, content=content)

    def _create(self, op, seq, entry):
        new, attrs = op.new, clean(op.attrs)
        if self.exists(op.node):
            return
        if (new.tag == "File" and why_senseless(new.content)) or (new.tag == "Symlink" and not target_ok(new.target)):
            return
        parent, name = op.parent, op.name
        if not name_ok(name):
            if new.tag != "File":
                return
            parent, name = RECOVERED, "recovered"
        node = Node(id=op.node, attrs=attrs, kind=new.tag, created=seq)
        if new.tag == "File":
            node.versions = [self._version(new.version, attrs, new.content, entry)]
        elif new.tag == "Symlink":
            node.target = new.target
        self._place(node, parent, name, seq, entry.payload)

    def _write(self, op, seq, entry):
        if why_senseless(op.content) or op.version in FIXED:
            return
        old, attrs = self.nodes.get(op.node), clean(op.attrs)
        is_file = old is not None and old.kind == "File"
        if is_file and any(v.version == op.version for v in old.versions):
            return
        version = self._version(op.version, attrs, op.content, entry)
        live_file = is_file and self.live(op.node)
        if live_file and old.versions[-1].version == op.base:
            old.versions.append(version)
            old.attrs, old.changed = attrs, seq
            return
        if self.exists(op.version):
            return
        node = Node(id=op.version, attrs=attrs, kind="File", versions=[version], created=seq)
        if live_file:
            self._place(node, old.parent, old.name, seq, entry.payload)
        else:
            self._place(node, RECOVERED, old.name if old else "recovered", seq, entry.payload)

    def _move(self, op, seq, entry):
        if not self.live(op.node) or not name_ok(op.name):
            return
        if not (self.is_directory(op.parent) and self.live(op.parent)) or self.below(op.parent, op.node):
            return
        self._place(self.nodes[op.node], op.parent, op.name, seq, entry.payload)

    def _trash(self, op, seq, entry):
        if self.live(op.node):
            node = self.nodes[op.node]
            del self.names[(node.parent, node.name)]
            node.trashed = node.changed = seq

    def _restore(self, op, seq, entry):
        node = self.nodes.get(op.node)
        if node and node.trashed is not None:
            self._place(node, node.parent, node.name, seq, entry.payload)

    def _purge(self, op, seq, entry):
        top = self.nodes.get(op.node)
        if top is None or top.trashed is None:
            return
        seen, stack = entry.header.seen.seq, [op.node]
        while stack:
            node = self.nodes[stack.pop()]
            if node.changed > seen:
                self._place(node, RECOVERED, node.name, seq, entry.payload)
                continue
            stack += sorted(self.children.pop(node.id, ()), reverse=True)
            self._detach(node)
            del self.nodes[node.id]
            self.gone[node.id] = seq

    def _purgeversion(self, op, seq, entry):
        node = self.nodes.get(op.node)
        if node and node.kind == "File" and any(v.version == op.version for v in node.versions[:-1]):
            node.versions = [v for v in node.versions if v.version != op.version]
            node.changed = seq

    def _repack(self, op, seq, entry):
        node = self.nodes.get(op.node)
        versions = node.versions if node and node.kind == "File" else []
        at = next((i for i, v in enumerate(versions) if v.version == op.version), None)
        if at is None or versions[at].account != entry.author.account:
            return
        old = versions[at]
        if why_senseless(op.content) or not same_pieces(op.content, old.content):
            return
        versions[at] = Value(version=old.version, seq=old.seq, time=old.time, account=old.account,
                             device=entry.author.device, attrs=old.attrs, content=op.content)
        node.changed = seq

    def _setattrs(self, op, seq, entry):
        if self.live(op.node):
            node = self.nodes[op.node]
            node.attrs, node.changed = clean(op.attrs), seq

    # --- the result

    def tree(self):
        """Live nodes with their paths (tuples of names), parents before children, siblings by name's bytes."""
        out, stack = [], [(ROOT, ())]
        if self.children.get(RECOVERED) and any(self.nodes[c].trashed is None for c in self.children[RECOVERED]):
            recovered = Node(id=RECOVERED, parent=ROOT, name="Recovered", kind="Directory",
                             attrs=Value(mtime_s=0, mtime_ns=0, mode=0o755))
        else:
            recovered = None
        while stack:
            at, path = stack.pop()
            if at != ROOT:
                out.append((path, recovered if at == RECOVERED else self.nodes[at]))
            if len(path) >= DEPTH + (1 if path[:1] == ("Recovered",) and recovered else 0):
                continue
            below = [self.nodes[c] for c in self.children.get(at, ()) if self.nodes[c].trashed is None]
            if at == ROOT and recovered:
                below.append(recovered)
            below.sort(key=lambda n: n.name.encode(), reverse=True)
            stack += [(n.id, path + (n.name,)) for n in below]
        return out
