"""docs/spec/journal.md: headers, heads, signatures, epochs, authors. A journal is read from genesis, entry by entry."""

from drive import DRIVE_BATCH, MANIFEST
from encoding import (
    B16,
    B32,
    B64,
    BYTES,
    I64,
    MIB,
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
    blob_id,
    body_length,
    decode,
    encode,
    hash_of,
    signature_holds,
)
from identity import CITE, HOME_OP, JOURNAL_KIND
from sealing import Epoch, floe_open, u64, unwrap

HEADER_MAX, IDS_MAX, INLINE_MAX, BODY_BLOB, BODY_MAX = MIB, 16_384, 16_490, 4 * MIB, 64 * MIB
OPS_MAX, RANGES_MAX = 8_192, 512

SEEN = Struct(seq=U64, head=B32)
SIGNER = Enum(Writer=None, Admin=None)
SEQ_RANGE = Struct(**{"from": U64, "to": U64})
EPOCH_PUBLIC = Struct(read_token_hash=B32, write_key=B32, admin_key=B32)
KIND = Enum(
    Genesis=EPOCH_PUBLIC,
    Change=None,
    Rekey=Struct(signer=SIGNER, next=EPOCH_PUBLIC),
    Checkpoint=Struct(through=U64),
    Reset=Struct(through=U64, lost=Vec(SEQ_RANGE)),
    Prune=Struct(ranges=Vec(SEQ_RANGE)),
    Close=None,
)
BODY = Struct(hash=B32, len=U32, place=Enum(Inline=None, Blobs=Vec(B32)))
HEADER_BEFORE_BODY = Struct(version=U8, journal=B32, epoch=U64, entry=B16, seen=SEEN, kind=KIND, adds=Set(B32), drops=Set(B32))
HEADER = Struct(**HEADER_BEFORE_BODY.fields, body=BODY)
ENTRY = Struct(header=BYTES, signature=B64, body=BYTES)

AUTHOR = Struct(account=B32, device=B16)
SIGNED = Struct(author=AUTHOR, signature=B64, payload=BYTES, padding=BYTES)
STATEMENT = Struct(
    journal=B32, epoch=U64, entry=B16, seen=SEEN, kind=KIND, adds=Set(B32), drops=Set(B32), payload=B32, account=B32, device=B16
)
ROLE = Enum(Reader=None, Writer=None, Admin=None)
MEMBER = Struct(account=B32, role=ROLE, chain=CITE)
CONTENT = Enum(
    Genesis=Struct(kind=JOURNAL_KIND, members=Vec(MEMBER)),
    Home=Vec(HOME_OP),
    Drive=DRIVE_BATCH,
    Checkpoint=MANIFEST,
    Rekey=Struct(members=Vec(MEMBER), previous=Option(B32)),
    Reset=None,
    Prune=None,
    Close=None,
)
PAYLOAD = Struct(time=I64, device_name=STRING, cites=Vec(CITE), content=CONTENT)
REKEY_BODY = Struct(sealed=BYTES, envelopes=Vec(Struct(tag=B16, wrapped=BYTES)), notice=BYTES)


class Stored:
    """An entry as the server keeps it."""

    def __init__(self, seq, head, header, signature, body, gone=False):
        self.seq, self.head, self.header, self.signature, self.body, self.gone = seq, head, header, signature, body, gone


class Opened:
    """An entry that passed all checks; `payload` is None when its body was pruned."""

    def __init__(self, seq, header, author=None, payload=None):
        self.seq, self.header, self.author, self.payload = seq, header, author, payload


def associated_data(header):
    """A header's bytes up to the field `body`."""
    return encode(HEADER_BEFORE_BODY, header)


class Journal:
    """Reads one journal.

    `chain_of(account)` gives a verified `identity.Chain` or None; `blob(id)` a body blob's bytes; `secrets` maps an epoch to its
    `sealing.Epoch`; `kems` are the account's X-Wing keys, for envelopes.
    """

    def __init__(self, journal, kind, account, chain_of, blob, secrets, kems=()):
        self.id, self.kind, self.account = journal, kind, account
        self.chain_of, self.blob, self.secrets, self.kems = chain_of, blob, secrets, list(kems)
        self.heads, self.entry_ids, self.publics, self.lists = [], set(), [], []
        self.cited, self.checkpoint, self.closed = {}, None, False

    @property
    def epoch(self):
        return len(self.publics) - 1

    def walk_back(self, stored):
        """A rekey carries the read secret of the epoch before: collects them, newest first. They are proved while reading."""
        for row in sorted(stored, key=lambda row: -row.seq):
            header = decode(HEADER, row.header)
            if header.kind.name != "Rekey" or header.epoch in self.secrets or header.epoch + 1 not in self.secrets:
                continue
            signed = self._open_rekey(header, decode(REKEY_BODY, self._body(row, header)))
            previous = decode(PAYLOAD, signed.payload).content.value.previous
            if previous is not None:
                self.secrets[header.epoch] = Epoch(self.id, header.epoch, previous)

    def read(self, row, start=None):
        """The next entry. `start` is the seq through which a vouched checkpoint speaks for bodies that are gone."""
        seq = len(self.heads)
        if row.seq != seq:
            raise Refused(11, f"entry {seq} is missing")
        if len(row.header) > HEADER_MAX:
            raise Refused(24, f"the header of entry {seq} is too long")
        if row.header[:1] != b"\x01":
            raise Refused(10, f"entry {seq} has an unknown version")
        header = decode(HEADER, row.header)
        self._check_bounds(seq, row, header)
        self._check_outside(seq, row, header)
        opened = None
        if row.gone:
            if start is None or seq > start or header.kind.name in ("Genesis", "Rekey"):
                raise Refused(26, f"the body of entry {seq} is gone and no vouched checkpoint stands for it")
        else:
            opened = self._open(seq, header, self._body(row, header))
        self._commit(seq, row, header, opened)
        return opened or Opened(seq, header)

    def _check_bounds(self, seq, row, header):
        body = header.body
        inline = body.place.name == "Inline"
        spans = [vars(span) for span in getattr(header.kind.value, "ranges", getattr(header.kind.value, "lost", []))]
        good = len(header.adds) + len(header.drops) <= IDS_MAX and body.len <= BODY_MAX and len(row.body) <= INLINE_MAX
        good = good and (inline or len(body.place.value) == -(-body.len // BODY_BLOB))
        good = good and len(spans) <= RANGES_MAX and all(span["from"] <= span["to"] for span in spans)
        if not good:
            raise Refused(24, f"entry {seq} breaks a limit")
        if row.body and (row.gone or not inline):
            raise Refused(18, f"entry {seq} has a body where none belongs")

    def _check_outside(self, seq, row, header):
        kind = header.kind
        if seq == 0:
            if kind.name != "Genesis" or header.journal != bytes(32) or hash_of("crannog/1 journal id.", row.header) != self.id:
                raise Refused(21, "the journal's genesis is not the one that its id names")
        elif header.journal != self.id:
            raise Refused(21, f"entry {seq} belongs to another journal")
        if self.closed or (kind.name == "Genesis") != (seq == 0) or header.epoch != max(self.epoch, 0):
            raise Refused(16, f"entry {seq} is not of the epoch in force")
        public = kind.value if seq == 0 else self.publics[-1]
        writer = kind.name in ("Change", "Checkpoint") or (kind.name == "Rekey" and kind.value.signer.name == "Writer")
        key = public.write_key if writer else public.admin_key
        if not signature_holds(key, "crannog/1 entry.", row.header, row.signature):
            raise Refused(16, f"the outer signature of entry {seq} does not verify")
        before = self.heads[-1] if self.heads else bytes(32)
        if hash_of("crannog/1 head.", before + u64(seq) + hash_of("crannog/1 header.", row.header)) != row.head:
            raise Refused(11, f"the head of entry {seq} is not the computed one")
        seen = header.seen
        on_chain = seen.seq < seq and self.heads[seen.seq] == seen.head
        if not (on_chain if seq else (seen.seq, seen.head) == (0, bytes(32))):
            raise Refused(14, f"entry {seq} has seen what is not on this chain")
        if header.entry in self.entry_ids:
            raise Refused(15, f"the entry id of entry {seq} came before")
        if kind.name == "Checkpoint" and kind.value.through > seen.seq:
            raise Refused(24, f"checkpoint {seq} goes through what its author had not seen")
        ranges = kind.value.ranges if kind.name == "Prune" else []
        if any(self.checkpoint is None or span.to >= self.checkpoint for span in ranges):
            raise Refused(24, f"entry {seq} prunes what no checkpoint covers")

    def _body(self, row, header):
        body, place = row.body, header.body.place
        if place.name == "Blobs":
            parts = []
            for index, blob in enumerate(place.value):
                part = self.blob(blob)
                if len(part) != min(BODY_BLOB, header.body.len - index * BODY_BLOB):
                    raise Refused(18, f"a body blob of entry {row.seq} has the wrong length")
                parts.append(part)
            body = b"".join(parts)
        if len(body) != header.body.len or blob_id(body) != header.body.hash:
            raise Refused(18, f"the body of entry {row.seq} is not the one of its header")
        return body

    def _secret(self, epoch):
        if epoch not in self.secrets:
            raise Refused(4, f"there is no secret for epoch {epoch} of journal {self.id.hex()[:16]}")
        return self.secrets[epoch]

    def _unseal(self, header, epoch, sealed):
        key = self._secret(epoch).key("body key")
        plain = floe_open(key, "crannog/1 seal body", associated_data(header), sealed)
        signed = decode(SIGNED, plain)
        bare = len(plain) - len(signed.padding)
        if any(signed.padding) or len(plain) != body_length(bare):
            raise Refused(18, "a body is not padded as prescribed")
        return signed

    def _open_rekey(self, header, body):
        return self._unseal(header, header.epoch + 1, body.sealed)

    def _open(self, seq, header, body):
        kind = header.kind.name
        if seq == 0:
            self._check_halves(0, header.kind.value)
        if kind == "Rekey":
            rekey = decode(REKEY_BODY, body)
            count = len(rekey.envelopes)
            if (count != 0) if self.kind == "Home" else (count.bit_count() != 1):
                raise Refused(22, f"the rekey at {seq} has the wrong number of envelopes")
            self._take_envelope(header, rekey)
            self._check_halves(header.epoch + 1, header.kind.value.next)
            signed = self._open_rekey(header, rekey)
        else:
            signed = self._unseal(header, header.epoch, body)
        payload = decode(PAYLOAD, signed.payload)
        content = payload.content
        expected = {"Change": "Home" if self.kind == "Home" else "Drive"}.get(kind, kind)
        if content.name != expected or (kind == "Checkpoint" and content.value.through != header.kind.value.through):
            raise Refused(17, f"entry {seq} carries what its kind does not")
        if kind == "Genesis" and content.value.kind.name != self.kind:
            raise Refused(17, "the journal is of another kind")
        self._check_author(seq, header, signed, payload)
        ops = {"Home": lambda: content.value, "Drive": lambda: content.value.ops}.get(content.name, list)()
        if len(ops) > OPS_MAX or len(payload.cites) > OPS_MAX:
            raise Refused(24, f"entry {seq} says too much")
        if kind == "Genesis":
            self._check_list(content.value.members)
        if kind == "Rekey":
            self._check_rekey(header, content.value)
        return Opened(seq, header, signed.author, payload)

    def _check_halves(self, epoch, public):
        """CHK-004, CHK-005: every secret gives the public half in the header."""
        secret = self._secret(epoch)
        wrong = secret.read_token_hash() != public.read_token_hash
        wrong |= secret.write is not None and secret.write_public() != public.write_key
        wrong |= secret.admin is not None and secret.admin_public() != public.admin_key
        if wrong:
            home = self.kind == "Home"
            raise Refused(
                5 if home else 4, f"the secrets of epoch {epoch} are not those of the {'account' if home else 'header'}"
            )

    def _take_envelope(self, header, rekey):
        """The grant of the next epoch, where nothing else gave it."""
        epoch = header.epoch + 1
        if epoch in self.secrets:
            return
        tag = self._secret(header.epoch).envelope_tag(self.account, epoch)
        context = self.id + u64(epoch) + self.account
        for envelope in rekey.envelopes:
            if envelope.tag != tag:
                continue
            for kem in self.kems:
                try:
                    grant = unwrap(kem, "crannog/1 wrap epoch grant", context, envelope.wrapped)
                except Refused:
                    continue
                if len(grant) != 98 or grant[32] > 1 or grant[65] > 1:
                    raise Refused(22, "an epoch grant does not decode")
                write, admin = grant[33:65], grant[66:98]
                self.secrets[epoch] = Epoch(
                    self.id, epoch, grant[:32], write if grant[32] else None, admin if grant[65] else None
                )
                return

    def _check_author(self, seq, header, signed, payload):
        kind, author = header.kind, signed.author
        wrong = Refused(17, f"the author of entry {seq} had no right to write it")
        members = payload.content.value.members if kind.name == "Genesis" else self.lists[-1]
        member = next((member for member in members if member.account == author.account), None)
        if member is None:
            raise wrong
        writer = kind.name in ("Change", "Checkpoint") or (kind.name == "Rekey" and kind.value.signer.name == "Writer")
        if member.role.name not in (("Writer", "Admin") if writer else ("Admin",)):
            raise wrong
        chain = self.chain_of(author.account)
        if chain is None:
            raise Refused(6, "the author's sigchain is missing")
        cites = [member.chain, *payload.cites, *self.cited.get(author.account, [])]
        own = [cite for cite in cites if cite.account == author.account]
        if any(cite.seq >= len(chain.hashes) for cite in own):
            raise Refused(7, f"entry {seq} cites a sigchain link that is not there")
        standing = [cite.seq for cite in own if chain.link_at(cite)]
        device = chain.device_at(max(standing), author.device) if standing else None
        if device is None:
            raise wrong
        statement = Record(**{**vars(header), "payload": hash_of("crannog/1 payload.", signed.payload), **vars(author)})
        if not signature_holds(device.sign, "crannog/1 author.", encode(STATEMENT, statement), signed.signature):
            raise Refused(17, f"the author's signature of entry {seq} does not verify")

    def _check_list(self, members):
        accounts = [member.account for member in members]
        good = len(set(accounts)) == len(accounts) and any(member.role.name == "Admin" for member in members)
        good = good and (self.kind != "Home" or accounts == [self.account])
        for member in members:
            chain = self.chain_of(member.account)
            good = good and member.chain.account == member.account and chain is not None and chain.link_at(member.chain)
        if not good:
            raise Refused(22, "a member list is not well-formed")

    def _check_rekey(self, header, content):
        old, new = self.lists[-1], content.members
        self._check_list(new)
        wrong = Refused(22, f"the rekey to epoch {header.epoch + 1} breaks the rules")
        before = {member.account: member.chain.seq for member in old}
        if any(member.chain.seq < before.get(member.account, 0) for member in new):
            raise wrong
        if header.kind.value.signer.name == "Writer":
            same = [(m.account, m.role) for m in old] == [(m.account, m.role) for m in new]
            if not same or header.kind.value.next.admin_key != self.publics[-1].admin_key:
                raise wrong
        if (content.previous is None) != (self.kind == "Home"):
            raise wrong
        if content.previous is not None:
            previous = Epoch(self.id, header.epoch, content.previous)
            if previous.read_token_hash() != self.publics[-1].read_token_hash:
                raise wrong

    def _commit(self, seq, row, header, opened):
        self.heads.append(row.head)
        self.entry_ids.add(header.entry)
        kind = header.kind
        if kind.name == "Genesis":
            self.publics.append(kind.value)
        elif kind.name == "Rekey":
            self.publics.append(kind.value.next)
        elif kind.name == "Checkpoint":
            self.checkpoint = max(self.checkpoint or 0, kind.value.through)
        elif kind.name == "Close":
            self.closed = True
        if opened is None:
            return
        members = getattr(opened.payload.content.value, "members", None)
        if members is not None:
            self.lists.append(members)
        listed = {member.account for member in self.lists[-1]}
        for cite in [*opened.payload.cites, *[member.chain for member in members or []]]:
            if cite.account in listed:
                self.cited.setdefault(cite.account, []).append(cite)
