"""Files' bytes: pieces, packs, leaves (drive.md, Content)."""
from collections import OrderedDict

from . import types as T
from .borsh import decode
from .errors import Refused, demand
from .prim import SUITE, floe_length, floe_open, padme

PIECE = 4 << 20
SLOT_MAX_PLAIN = 1_047_990
PACK_MAX = 4 << 20
INLINE_CHUNKS = 64
LEAF_CHUNKS = 4096


def piece_count(size):
    return -(-size // PIECE)


def piece_length(size, i):
    return min(PIECE, size - i * PIECE)


def _slot_fits(slot, plain_length):
    return slot.len == floe_length(plain_length) and slot.offset + slot.len <= PACK_MAX


def _chunk_has_form(chunk, length):
    if length > SLOT_MAX_PLAIN:
        return chunk.slot is None
    return chunk.slot is not None and _slot_fits(chunk.slot, length)


def _leaf_plain(size, first, count):
    """Length of Borsh Vec<Chunk>: only the last piece of a file may have a slot."""
    last = first + count - 1
    slotted = last == piece_count(size) - 1 and piece_length(size, last) <= SLOT_MAX_PLAIN
    return 4 + 65 * count + (40 if slotted else 0)


def why_senseless(content):
    """None, or (check, why): the counts and slots that the size demands."""
    n, size, chunks = piece_count(content.size), content.size, content.chunks
    if n <= INLINE_CHUNKS:
        if chunks.tag != "Inline" or len(chunks.chunks) != n:
            return "CHK-024", "the number of chunks is not that of the size"
        if not all(_chunk_has_form(c, piece_length(size, i)) for i, c in enumerate(chunks.chunks)):
            return "CHK-003", "a piece has not the form that its length demands"
        return None
    if chunks.tag != "Leaves" or len(chunks.leaves) != -(-n // LEAF_CHUNKS):
        return "CHK-024", "the number of leaves is not that of the size"
    for i, leaf in enumerate(chunks.leaves):
        if leaf.count != min(LEAF_CHUNKS, n - i * LEAF_CHUNKS):
            return "CHK-024", "the number of chunks in a leaf is not that of the size"
        if not _slot_fits(leaf.slot, _leaf_plain(size, i * LEAF_CHUNKS, leaf.count)):
            return "CHK-003", "a leaf has not the slot that its length demands"
    return None


def same_pieces(one, other):
    """The same sealed pieces in the same order, perhaps in other packs."""
    if one.size != other.size or one.chunks.tag != "Inline" or other.chunks.tag != "Inline":
        return False
    pairs = list(zip(one.chunks.chunks, other.chunks.chunks))
    return len(one.chunks.chunks) == len(other.chunks.chunks) == len(pairs) and all(
        a.key == b.key and (a.slot.len == b.slot.len if a.slot and b.slot else a.slot == b.slot and a.blob == b.blob)
        for a, b in pairs)


class Contents:
    """Reads contents from the blobs of one journal; keeps the last few opened packs."""

    def __init__(self, store, row):
        self.store, self.row, self.packs = store, row, OrderedDict()

    def _pack(self, blob, key, what):
        at = (blob, key)
        if at not in self.packs:
            self.packs[at] = floe_open(key, "seal pack", SUITE, self.store.blob(self.row, blob, what))
            while len(self.packs) > 4:
                self.packs.popitem(last=False)
        self.packs.move_to_end(at)
        return self.packs[at]

    def _inner(self, blob, slot, key, purpose, what):
        pack = self._pack(blob, slot.key, what)
        demand(slot.offset + slot.len <= len(pack), "CHK-003", f"a slot of {what} does not lie in its pack")
        return floe_open(key, purpose, SUITE, pack[slot.offset:slot.offset + slot.len])

    def _piece(self, chunk, length, what):
        if chunk.slot is not None:
            plain = self._inner(chunk.blob, chunk.slot, chunk.key, "seal chunk", what)
            demand(len(plain) == length, "CHK-003", f"a piece of {what} has another length")
            return plain
        box = self.store.blob(self.row, chunk.blob, what)
        padded = padme(length)
        demand(len(box) == floe_length(padded), "CHK-003", f"a blob of {what} has another length")
        plain = floe_open(chunk.key, "seal chunk", SUITE, box)
        demand(len(plain) == padded and not any(plain[length:]), "CHK-003", f"a piece of {what} is padded otherwise")
        return plain[:length]

    def chunks(self, content, what):
        bad = why_senseless(content)
        if bad:
            raise Refused(bad[0], f"{what}: {bad[1]}")
        if content.chunks.tag == "Inline":
            yield from content.chunks.chunks
            return
        for leaf in content.chunks.leaves:
            found = decode(T.ChunkList, self._inner(leaf.blob, leaf.slot, leaf.key, "seal list leaf", what))
            demand(len(found) == leaf.count, "CHK-003", f"a leaf of {what} has another number of chunks")
            yield from found

    def read(self, content, what):
        """Yields the pieces in order, each verified."""
        for i, chunk in enumerate(self.chunks(content, what)):
            length = piece_length(content.size, i)
            demand(_chunk_has_form(chunk, length), "CHK-003", f"a piece of {what} has not the form that its length demands")
            yield self._piece(chunk, length, what)
