"""Notes: what came out of an inbox, or what home kept of it (inbox.md). The server stores drops that this reader never asks for;
home's invites it reads."""
from . import types as T
from .borsh import decode
from .errors import Refused, demand
from .prim import hpke_open, verifies

LENGTHS = (4096, 16384, 65536)
DAY = 86_400_000


def check(condition, why):
    demand(condition, "CHK-031", why)


def decoded(codec, data):
    try:
        return decode(codec, data)
    except Refused:
        raise Refused("CHK-031", "a note does not decode") from None


def open_drop(account, drop: bytes):
    """The SignedNote of a drop; `account` has `id` and `kem_seeds`."""
    check(len(drop) in LENGTHS, "a drop has another length")
    for seed in reversed(account.kem_seeds):
        try:
            plain = hpke_open(seed, "wrap inbox drop", account.id, drop)
            break
        except Refused:
            continue
    else:
        raise Refused("CHK-031", "a drop does not open")
    padded = decoded(T.Padded, plain)
    check(not any(padded.padding), "a drop's padding is not zero")
    return padded.signed


def verify(signed, account, directory, now=None):
    """The note, if a valid device of its sender signed it for this account. `now` is None for what home had recorded."""
    check(signed.note, "a note is empty")
    demand(signed.note[0] == 1, "CHK-010", "a note has another version")
    note = decoded(T.Note, signed.note)
    check(note.recipient == account.id and note.recipient_root in account.chain.roots_at, "a note is for someone else")
    check(note.chain.account == note.sender.account, "a note cites another account's sigchain")
    chain = directory.chain(note.sender.account)
    check(chain.stands(note.chain) and chain.roots_at[note.chain.seq] == note.sender_root,
          "the sender's sigchain is not the one that the note names")
    there, newest = (chain.devices_at[i].get(note.sender.device) for i in (note.chain.seq, -1))
    check(there and newest, "the sender's device is not valid")
    check(verifies(newest, "note.", signed.note, signed.signature), "a note's signature does not verify")
    check(len(note.heads) <= 64, "a note has too many heads")
    check(0 <= note.expires - note.time <= 30 * DAY, "a note lives too long")
    if note.purpose.tag == "Invite":
        name = note.purpose.name
        check(note.purpose.kind.tag != "Home", "an invite into a home")
        check(1 <= len(name.encode()) <= 64 and not any(c in "/:" or is_control(c) for c in name), "an invite's name will not do")
    if now is not None:
        check(note.time <= now + DAY, "a note comes from the future")
        check(note.expires >= now, "a note has expired")
    return note


def is_control(c):
    return ord(c) < 32 or 127 <= ord(c) < 160
