"""Sigchains, and the account's secrets from the words (identity.md)."""
import re

from . import types as T
from .borsh import decode
from .errors import Refused, demand
from .prim import KEM_PUBLIC, H, derive, floe_open, hpke_open, kem_public, le, sign_public, verifies

LINKS_MAX, LINK_MAX, DEVICES_MAX = 4096, 16384, 256
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")


class Generation:
    def __init__(self, g, root):
        self.number, self.sign, self.kem, self.root = g.number, g.sign, g.kem, root


class Chain:
    """A verified chain; `devices_at[n]` maps device id -> signing key after link n, `roots_at[n]` is the root in force there."""

    def __init__(self, account: bytes, blobs):
        self.account = account
        self.hashes, self.kinds, self.devices_at, self.roots_at = [], [], [], []
        self.generations = []
        self.ever = set()
        self.closed = False
        demand(0 < len(blobs) <= LINKS_MAX, "CHK-006", "a sigchain is empty or too long")
        for seq, (row_seq, blob) in enumerate(blobs):
            demand(row_seq == seq, "CHK-006", "a link of a sigchain is missing")
            self._append(seq, decode(T.SignedLink, blob))
        demand(self.hashes[0] == account, "CHK-006", "the account id is not the hash of the Create link")

    def _append(self, seq, signed):
        demand(len(signed.link) <= LINK_MAX, "CHK-024", "a link is too long")
        demand(signed.link[:1] == b"\x01", "CHK-010", "a link has another version")
        link = decode(T.Link, signed.link)
        kind = link.kind

        def bad(why):
            return Refused("CHK-006", f"link {seq} ({kind.tag}): {why}")

        if link.seq != seq or link.prev != (self.hashes[-1] if seq else bytes(32)):
            raise bad("does not stand on the link before")
        if self.closed:
            raise bad("the account is closed")
        if (kind.tag == "Create") != (seq == 0):
            raise bad("a chain begins with Create and has no other")
        devices = dict(self.devices_at[-1]) if seq else {}
        before = set(devices)
        old = self.generations[-1] if seq else None
        old_root = self.root if seq else None

        if kind.tag == "Create":
            if not NAME.fullmatch(kind.name):
                raise bad("the name is not allowed")
            self.name = kind.name
        if kind.tag in ("Create", "NewWords"):
            self.root, self.recovery_kem = kind.root, kind.recovery_kem
            if len(kind.recovery_kem) != KEM_PUBLIC:
                raise bad("a KEM key has another length")
        if kind.tag in ("Create", "AddDevice", "Recover"):
            device = kind.device
            if device.id in self.ever:
                raise bad("a device id returns")
            if len(device.kem) != KEM_PUBLIC:
                raise bad("a KEM key has another length")
            self.ever.add(device.id)
            devices[device.id] = device.sign
        if kind.tag not in ("AddDevice", "Close"):
            g = kind.generation
            if g.number != (old.number + 1 if old else 0) or len(g.kem) != KEM_PUBLIC:
                raise bad("the generation is not the next, or its KEM key has another length")
            self.generations.append(Generation(g, self.root))
        if kind.tag in ("RevokeDevice", "Recover", "NewWords"):
            remaining = set(kind.remaining)
            if kind.tag == "RevokeDevice":
                if kind.device not in before or remaining != before - {kind.device}:
                    raise bad("the remaining devices are not those that stay")
            elif not remaining <= set(devices):
                raise bad("a remaining device was not valid")
            if kind.tag == "Recover" and kind.device.id not in remaining:
                raise bad("the new device does not remain")
            devices = {d: devices[d] for d in remaining}
        if kind.tag == "Close":
            devices = {}
        demand(len(devices) <= DEVICES_MAX, "CHK-024", "too many devices are valid")

        new = self.generations[-1]
        signers = {
            "Create": lambda: [kind.root, new.sign, kind.device.sign],
            "AddDevice": lambda: [new.sign, kind.device.sign],
            "RevokeDevice": lambda: [old.sign, new.sign],
            "Recover": lambda: [self.root, new.sign, kind.device.sign],
            "NewWords": lambda: [old_root, kind.root, new.sign],
            "Close": lambda: [old_root],
        }[kind.tag]()
        if len(signed.signatures) != len(signers):
            raise bad("the number of signatures is wrong")
        for key, signature in zip(signers, signed.signatures):
            if not verifies(key, "link signature.", signed.link, signature):
                raise bad("a signature does not verify")
        self.hashes.append(H("link.", signed.link))
        self.kinds.append(kind.tag)
        self.closed = kind.tag == "Close"
        self.devices_at.append(devices)
        self.roots_at.append(self.root)

    # citations

    def stands(self, cite) -> bool:
        return cite.seq < len(self.hashes) and self.hashes[cite.seq] == cite.head

    def cut_off(self, cite) -> bool:
        """Not on this chain, but a Recover, NewWords or Close at or below its place explains why."""
        return (not self.stands(cite)
                and any(k in ("Recover", "NewWords", "Close") for k in self.kinds[1:cite.seq + 1]))


class Directory:
    """Chains by account id, verified once."""

    def __init__(self, store):
        self.store, self.known = store, {}

    def chain(self, account: bytes) -> Chain:
        if account not in self.known:
            row = self.store.account_by_id(account)
            demand(row, "CHK-006", f"the directory does not know account {account.hex()}")
            self.known[account] = Chain(account, self.store.links(row[0]))
        return self.known[account]


class Account:
    """The owner: chain, and S_g of every generation."""

    def __init__(self, store, directory, row, secret: bytes, sheet=None):
        self.row, self.id, name, _, self.home = row
        self.chain = directory.chain(self.id)
        demand(self.chain.name == name, "CHK-006", "the chain has another name than the account")
        root_seed = derive(secret, "derive root signing")
        demand(sign_public(root_seed) == self.chain.root, "CHK-008", "the root of the chain is not that of the words")
        recovery = derive(secret, "derive recovery kem")
        demand(kem_public(recovery) == self.chain.recovery_kem, "CHK-008",
               "the recovery key of the chain is not that of the words")
        if sheet:
            demand(sheet.name == name, "CHK-027", "the sheet has another name")
            demand(sheet.seq < len(self.chain.hashes) and self.chain.hashes[sheet.seq] == sheet.link,
                   "CHK-027", "the chain is below the sheet's floor")
        self.secrets = self._open_generations(store.generations(row[0]), recovery)
        self.kem_seeds = [self._derive(g, "derive account kem") for g in range(len(self.secrets))]

    def _context(self, g):
        return self.chain.generations[g].root + le(g, 4)

    def _derive(self, g, purpose):
        return derive(self.secrets[g], purpose, self._context(g))

    def _open_generations(self, rows, recovery):
        """All generations, or none (CHK-004)."""
        failed = Refused("CHK-004", "the account's secrets do not open to those of the chain")
        generations = self.chain.generations
        found = [None] * len(generations)
        try:
            for g in reversed(range(len(generations))):
                box = decode(T.GenerationSecrets, rows[g])
                context = self.id + le(g, 4)
                if box.number != g or (box.previous is None) != (g == 0):
                    raise failed
                if g == len(generations) - 1:
                    found[g] = hpke_open(recovery, "wrap account secret", context, box.recovery)
                secret, public = found[g], generations[g]
                if len(secret) != 32:
                    raise failed
                own = public.root + le(g, 4)
                if (sign_public(derive(secret, "derive account signing", own)) != public.sign
                        or kem_public(derive(secret, "derive account kem", own)) != public.kem):
                    raise failed
                if g:
                    key = derive(secret, "derive previous generation key", own)
                    found[g - 1] = floe_open(key, "seal previous generation", context, box.previous)
        except (Refused, KeyError):
            raise failed from None
        return found

    def home_secrets(self, g):
        """K, W, A of home's epoch g; None where the chain has no such generation."""
        if g >= len(self.secrets):
            return None
        return tuple(self._derive(g, p) for p in ("derive home read", "derive home write", "derive home admin"))
