"""docs/spec/identity.md: sigchain, account secrets, home, the recovery sheet."""

import re

from encoding import (
    B16,
    B32,
    B64,
    BYTES,
    STRING,
    U8,
    U32,
    U64,
    Enum,
    Option,
    Record,
    Refused,
    Set,
    Struct,
    Vec,
    decode,
    hash_of,
    signature_holds,
)
from sealing import AccountGeneration, Words, XWing, u32, unwrap

KEM_PUBLIC = 1_216
LINKS_MAX, LINK_MAX, DEVICES_MAX = 4_096, 16 * 1024, 256

GENERATION = Struct(number=U32, sign=B32, kem=BYTES)
DEVICE = Struct(id=B16, sign=B32, kem=BYTES)
LINK_KIND = Enum(
    Create=Struct(name=STRING, root=B32, recovery_kem=BYTES, generation=GENERATION, device=DEVICE),
    AddDevice=Struct(device=DEVICE),
    RevokeDevice=Struct(device=B16, generation=GENERATION, remaining=Set(B16)),
    Recover=Struct(device=DEVICE, generation=GENERATION, remaining=Set(B16)),
    NewWords=Struct(root=B32, recovery_kem=BYTES, generation=GENERATION, remaining=Set(B16)),
)
LINK = Struct(version=U8, seq=U32, prev=B32, kind=LINK_KIND)
SIGNED_LINK = Struct(link=BYTES, signatures=Vec(B64))
DEVICE_ENVELOPE = Struct(device=B16, wrapped=BYTES)
GENERATION_SECRETS = Struct(number=U32, recovery=BYTES, devices=Vec(DEVICE_ENVELOPE), previous=Option(BYTES))
LINK_SECRETS = Enum(**{"None": None, "Device": DEVICE_ENVELOPE, "Generation": GENERATION_SECRETS})

CITE = Struct(account=B32, seq=U32, head=B32)
JOURNAL_KIND = Enum(Home=None, Drive=None, Conversation=None)
EPOCH_GRANT = Struct(read=B32, write=Option(B32), admin=Option(B32))
HOME_OP = Enum(
    Secrets=Struct(journal=B32, kind=JOURNAL_KIND, epoch=U64, grant=EPOCH_GRANT),
    DriveNamed=Struct(journal=B32, name=STRING),
    DriveRemoved=Struct(journal=B32),
    DefaultDrive=Struct(journal=B32),
    Head=Struct(journal=B32, seq=U64, head=B32),
    DeviceNamed=Struct(device=B16, name=STRING),
    Vouch=Struct(journal=B32, seq=U64, head=B32),
    Pin=Struct(account=B32, name=STRING, root=B32, chain=CITE, verified=U8),
    Mount=Struct(journal=B32, drive=B32, node=B16),
    Accepted=Struct(drop=B16),
)


class Chain:
    """A verified sigchain and its past."""

    def __init__(self, links):
        """From the encoded SignedLinks; CHK-006 and its neighbours otherwise."""
        if len(links) > LINKS_MAX:
            raise Refused(24, "the sigchain is too long")
        self.hashes, self.devices, self.current, self.roots = [], [], [], []
        self.generations, self.ever, self.root_floor = [], {}, 0
        for data in links:
            self._apply(decode(SIGNED_LINK, data))
        if not self.hashes:
            raise Refused(6, "the sigchain is empty")

    @property
    def root(self):
        return self.roots[-1]

    @property
    def generation(self):
        return self.generations[-1]

    def link_at(self, cite):
        """Whether the chain holds the cited link."""
        return cite.seq < len(self.hashes) and self.hashes[cite.seq] == cite.head

    def device_at(self, seq, device):
        return self.devices[seq].get(device)

    def root_of_generation(self, number):
        """The root in force after the link that brought the generation."""
        return self.roots[self.current.index(number)]

    def _apply(self, signed):
        if len(signed.link) > LINK_MAX:
            raise Refused(24, "a sigchain link is too long")
        if signed.link[:1] != b"\x01":
            raise Refused(10, "a sigchain link has an unknown version")
        link = decode(LINK, signed.link)
        seq, kind, value = link.seq, link.kind.name, link.kind.value

        def demand(holds, what):
            if not holds:
                raise Refused(6, f"sigchain link {seq}: {what}")

        own = hash_of("crannog/1 link.", signed.link)
        if kind == "Create":
            demand(not self.hashes and seq == 0 and link.prev == bytes(32), "a second beginning")
            demand(is_account_name(value.name), "the name is not allowed")
            demand(value.generation.number == 0, "generation 0 has another number")
            self.account, self.name, self.recovery_kem = own, value.name, value.recovery_kem
            root, valid, keys = value.root, {}, [value.root, value.generation.sign, value.device.sign]
        else:
            demand(self.hashes, "it is no Create link")
            by_root = kind in ("Recover", "NewWords")
            lowest = self.root_floor + 1 if by_root else len(self.hashes)
            demand(lowest <= seq <= len(self.hashes) and link.prev == self.hashes[seq - 1], "it does not stand on the one before")
            before = self.generations[self.current[seq - 1]]
            root, valid = self.roots[seq - 1], dict(self.devices[seq - 1])
            new = getattr(value, "generation", None)
            demand(new is None or new.number == before.number + 1, "the generation is not the next one")
            keys = {
                "AddDevice": lambda: [before.sign, value.device.sign],
                "RevokeDevice": lambda: [before.sign, new.sign],
                "Recover": lambda: [root, new.sign, value.device.sign],
                "NewWords": lambda: [root, value.root, new.sign],
            }[kind]()
        demand(len(keys) == len(signed.signatures), "there are too many or too few signatures")
        for key, signature in zip(keys, signed.signatures):
            demand(signature_holds(key, "crannog/1 link signature.", signed.link, signature), "a signature does not verify")

        kems = [getattr(value, "recovery_kem", None)]
        kems += [
            part.kem for part in (getattr(value, "generation", None), getattr(value, "device", None)) if hasattr(part, "kem")
        ]
        demand(all(kem is None or len(kem) == KEM_PUBLIC for kem in kems), "a key has the wrong length")
        if kind in ("Create", "AddDevice", "Recover"):
            demand(value.device.id not in self.ever, "the device id was used before")
            valid[value.device.id] = value.device
            self.ever[value.device.id] = seq
        if kind in ("RevokeDevice", "Recover", "NewWords"):
            demand(all(device in valid for device in value.remaining), "a remaining device was not valid")
            if kind == "RevokeDevice":
                demand(set(valid) - set(value.remaining) == {value.device}, "others than the revoked device would go")
            if kind == "Recover":
                demand(value.device.id in value.remaining, "the new device does not remain")
            valid = {device: valid[device] for device in value.remaining}
        if len(valid) > DEVICES_MAX:
            raise Refused(24, "too many devices are valid at once")
        if kind == "NewWords":
            root, self.recovery_kem = value.root, value.recovery_kem
        if kind in ("Create", "Recover", "NewWords"):
            self.root_floor = seq
        for past in (self.hashes, self.devices, self.current, self.roots):
            del past[seq:]
        if hasattr(value, "generation"):
            del self.generations[value.generation.number :]
            self.generations.append(value.generation)
        self.hashes.append(own)
        self.devices.append(valid)
        self.roots.append(root)
        self.current.append(self.generations[-1].number)


def is_account_name(name):
    return re.fullmatch(r"[a-z][a-z0-9-]{0,30}[a-z0-9]", name) is not None


def open_account_secrets(chain, sealed, words):
    """All generations from the words, S_0 first, each proved against the chain (CHK-004)."""
    wrong = Refused(4, "an account secret is missing, does not open or is another one")
    by_number = {secrets.number: secrets for secrets in sealed}
    try:
        number = chain.generation.number
        context = chain.account + u32(number)
        key = XWing(words.recovery_kem_seed())
        secret = unwrap(key, "crannog/1 wrap account secret", context, by_number[number].recovery)
        found = []
        while True:
            public = chain.generations[number]
            generation = AccountGeneration(secret, chain.root_of_generation(number), number)
            if len(secret) != 32 or generation.signing_public() != public.sign or generation.kem().public() != public.kem:
                raise wrong
            found.insert(0, generation)
            if number == 0:
                return found
            secret = generation.open_previous(chain.account, by_number[number].previous or b"")
            number -= 1
    except (KeyError, Refused):
        raise wrong from None


class Home:
    """The fold of home's operations: the last one per key counts."""

    def __init__(self):
        self.secrets, self.names, self.default = {}, {}, None
        self.heads, self.vouched, self.pins, self.mounts = {}, {}, {}, {}

    def apply(self, op, device):
        value = op.value
        journal = getattr(value, "journal", None)
        if op.name == "Secrets":
            self.secrets.setdefault(journal, {})[value.epoch] = value
        elif op.name == "DriveNamed":
            self.names[journal] = value.name
        elif op.name == "DriveRemoved":
            for known in (self.secrets, self.names, self.vouched, self.mounts):
                known.pop(journal, None)
            self.heads = {key: head for key, head in self.heads.items() if key[0] != journal}
            self.default = None if self.default == journal else self.default
        elif op.name == "DefaultDrive":
            self.default = journal
        elif op.name == "Head":
            self.heads[journal, device] = value
        elif op.name == "Vouch":
            self.vouched[journal] = value
        elif op.name == "Pin":
            self.pins[value.account] = value
        elif op.name == "Mount":
            self.mounts[journal] = value


class Sheet:
    """What a file of words holds: words alone, or a recovery sheet with its floor."""

    TITLE = "crannog recovery sheet 1"

    def __init__(self, text):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        self.name = self.link = None
        if not lines or lines[0] != self.TITLE:
            self.words = Words(text)
            return
        fields = {}
        for line in lines[1:]:
            key, colon, value = line.partition(":")
            if not colon or key in fields or key not in ("server", "name", "root", "link", "words"):
                raise ValueError(f"the recovery sheet has a line that is unknown or stands twice: {key}")
            fields[key] = value.strip()
        if len(fields) != 5:
            raise ValueError("the recovery sheet is not complete")
        seq, _, head = fields["link"].partition(" ")
        self.words = Words(fields["words"])
        self.name, self.link = fields["name"], Record(seq=int(seq), head=bytes.fromhex(head))
        if bytes.fromhex(fields["root"]) != self.words.root_public():
            raise ValueError("the recovery sheet's words do not give its root")

    def check_floor(self, chain):
        if self.link is not None and not chain.link_at(self.link):
            raise Refused(27, "the sigchain lies below the recovery sheet: the copy is older than the sheet")
