"""Reading a journal (journal.md): every check in the order given there, then the opened entry."""
from . import types as T
from .borsh import Reader, Value, decode
from .errors import Refused, demand
from .prim import (
    EpochKeys,
    H,
    admin_public,
    append_public,
    append_secret,
    body_length,
    floe_open,
    hpke_open,
    keyed_hash,
    le,
    padme,
    plain_hash,
    verifies,
    write_public,
)
from .store import HEADER_MAX, INLINE_MAX

MIB4 = 4 << 20
BODY_MAX = 64 << 20
GRANT_BOX = 131 + 1136
ADMIN_SIGNS = ("Genesis", "Reset", "Prune", "Close")
CONTENT = {"Genesis": "Genesis", "Rekey": "Rekey", "Checkpoint": "Checkpoint", "Reset": "Reset", "Prune": "Prune",
           "Close": "Close", "Append": "Drive"}


def parse_header(data: bytes):
    demand(len(data) <= HEADER_MAX, "CHK-024", "a header is too long")
    demand(data[:1] == b"\x01", "CHK-010", "a header has another version")
    r = Reader(data[1:])
    header = T.HeaderFront.dec(r)
    header.front = data[:1 + r.pos]  # associated data of the body
    header.body = T.Body.dec(r)
    demand(r.pos == len(r.data), "CHK-029", "bytes are left over after a header")
    kind = header.kind
    ranges = {"Reset": "lost", "Prune": "ranges"}.get(kind.tag)
    if ranges:
        found = getattr(kind, ranges)
        demand(len(found) <= 512 and all(x.from_ <= x.to for x in found), "CHK-024", "ranges of a header are senseless")
    demand(len(header.adds) + len(header.drops) <= 16384, "CHK-024", "a header adds and drops too much")
    demand(kind.tag != "Append" or not header.drops, "CHK-024", "an append drops something")
    demand(header.body.len <= BODY_MAX, "CHK-024", "a body is too long")
    if header.body.place.tag == "Blobs":
        demand(len(header.body.place.blobs) == -(-header.body.len // MIB4), "CHK-024", "a body has not the blobs of its length")
        demand(not set(header.body.place.blobs) & set(header.adds), "CHK-024", "a body lies in what the header adds")
    return header


class Opened:
    """An entry of which everything holds."""

    def __init__(self, seq, header, signed, payload):
        self.seq, self.header, self.author, self.payload = seq, header, signed.author, payload


class Keyring:
    """Secrets of a journal's epochs: what home recorded, and what rekeys give. Home itself has its own source."""

    def __init__(self, journal, recorded=None, home=None):
        self.journal, self.home = journal, home
        self.recorded = recorded or {}
        self.keys = {}

    def candidates(self, epoch):
        if self.home:
            found = self.home(epoch)
            return [Value(read=found[0], append=None, write=found[1], admin=found[2])] if found else []
        grant = self.recorded.get(epoch)
        return [grant] if grant else []


class Journal:
    """Reads one journal of the copy. `gone_through`: bodies at or below it may be gone (a vouched checkpoint)."""

    def __init__(self, store, directory, account, journal: bytes, kind: str, keyring, start=None):
        self.store, self.directory, self.account = store, directory, account
        self.id, self.kind, self.keyring, self.start = journal, kind, keyring, start
        found = store.journal(journal)
        demand(found, "CHK-026", f"the server does not have journal {journal.hex()}")
        self.row, self.last_seq, self.last_head = found
        self.heads, self.ids = [], set()
        self.epoch, self.public, self.members = -1, None, None
        self.closed = self.removed = False
        self.through = 0       # of the last checkpoint
        self.cited = {}        # account -> cites of earlier entries, in this journal
        self.gone = []
        self.passed_over = []  # bad appends: place, and what is wrong
        self.vouched_cites = []

    # --- the walk

    def read(self):
        """Yields Opened entries in order. After it the whole journal is verified."""
        if not self.keyring.home:
            self.learn()
        for row in self.store.entries(self.row):
            opened = self._step(*row)
            if self.removed:
                break
            if opened:
                yield opened
        if not self.removed:
            demand(len(self.heads) == self.last_seq + 1, "CHK-012", "fewer entries than the server gave receipts for")
            demand(self.heads[-1] == self.last_head, "CHK-011", "the last head is not that of the entries")

    def learn(self):
        """Collects the epochs' secrets ahead; the walk checks each of them. Backwards: a rekey's sealed body holds K of the
        epoch before, so whoever came later reads what was earlier. Forwards: envelopes."""
        rekeys, recorded = {}, self.keyring.recorded
        for _, _, _, header, _, body, gone in self.store.entries(self.row):
            if self._peek(header) == "Rekey" and not gone:
                try:
                    h = parse_header(header)
                    rekeys[h.epoch + 1] = (h, decode(T.RekeyBody, self._body(h, body)))
                except Refused:
                    pass  # the walk refuses it, in its order of checks
        for e in sorted(rekeys, reverse=True):
            header, body = rekeys[e]
            keys = EpochKeys(self.id, e, recorded[e].read) if e in recorded else None
            if keys is None or keys.token_hash != header.kind.next.read_token_hash or (e - 1) in recorded:
                continue
            try:
                signed = decode(T.Signed, floe_open(keys.body, "seal body", header.front, body.sealed))
                content = decode(T.Payload, signed.payload).content
            except Refused:
                continue
            if content.tag == "Rekey" and content.rekey.previous:
                recorded[e - 1] = Value(read=content.rekey.previous, append=None, write=None, admin=None)
        for e in sorted(rekeys):
            header, body = rekeys[e]
            if (e - 1) in recorded and not (e in recorded and self._gives(recorded[e], e, header.kind.next)):
                try:
                    granted = self._envelope(header, body, EpochKeys(self.id, e - 1, recorded[e - 1].read))
                except Refused:
                    continue
                if granted:
                    recorded[e] = granted

    @staticmethod
    def _peek(header):
        # version, journal, epoch, entry, seen.seq, seen.head stand before the kind: 1+32+8+16+8+32 bytes
        demand(len(header) > 97, "CHK-029", "a header is cut short")
        number = header[97]
        return T.Kind.variants[number][0] if number < len(T.Kind.variants) else None

    def _step(self, seq, entry_id, head, header_bytes, signature, body, gone):
        demand(seq == len(self.heads), "CHK-029", "an entry's seq is not the next")
        where = f"entry {seq}"
        header = parse_header(header_bytes)
        kind = header.kind
        if gone:
            demand(body == b"", "CHK-018", f"{where}: a body that is gone has bytes")
        elif header.body.place.tag == "Inline":
            demand(header.body.len <= INLINE_MAX, "CHK-024", f"{where}: an inline body is too long")
            demand(len(body) == header.body.len and plain_hash(body) == header.body.hash, "CHK-018",
                   f"{where}: the inline body is not that of the header")
        else:
            demand(body == b"", "CHK-018", f"{where}: a body in blobs has inline bytes")

        # journal id
        demand((kind.tag == "Genesis") == (seq == 0), "CHK-021", f"{where}: genesis is the first entry and no other")
        if seq == 0:
            demand(header.journal == bytes(32), "CHK-021", "genesis names a journal")
            demand(H("journal id.", header_bytes) == self.id, "CHK-021", "the journal's id is not the hash of its genesis")
        else:
            demand(header.journal == self.id, "CHK-021", f"{where}: names another journal")

        # epoch and outer signature
        demand(not self.closed, "CHK-016", f"{where}: stands after a Close")
        if seq == 0:
            demand(header.epoch == 0, "CHK-016", "genesis is of another epoch")
            key = kind.public.admin_key
        else:
            demand(header.epoch == self.epoch, "CHK-016", f"{where}: is not of the current epoch")
            by_admin = kind.tag in ADMIN_SIGNS or (kind.tag == "Rekey" and kind.signer.tag == "Admin")
            by_writer = self.public.append_key if kind.tag == "Append" else self.public.write_key
            key = self.public.admin_key if by_admin else by_writer
        demand(verifies(key, "entry.", header_bytes, signature), "CHK-016", f"{where}: the outer signature does not verify")

        # head, seen, entry id, places
        before = self.heads[-1] if self.heads else bytes(32)
        computed = H("head.", before + le(seq, 8) + H("header.", header_bytes))
        demand(computed == head, "CHK-011", f"{where}: the server's head is not the computed one")
        if seq == 0:
            demand(header.seen.seq == 0 and header.seen.head == bytes(32), "CHK-014", "genesis has seen something")
        else:
            demand(header.seen.seq < seq and self.heads[header.seen.seq] == header.seen.head, "CHK-014",
                   f"{where}: seen is not on this chain")
        demand(entry_id == header.entry and entry_id not in self.ids, "CHK-015", f"{where}: its id was seen before")
        if kind.tag == "Checkpoint":
            demand(kind.through <= header.seen.seq, "CHK-024", f"{where}: a checkpoint of what was not seen")
        if kind.tag == "Prune":
            demand(all(x.to <= self.through for x in kind.ranges), "CHK-024", f"{where}: prunes what no checkpoint covers")
        if kind.tag == "Reset":
            demand(all(x.to <= kind.through for x in kind.lost), "CHK-024", f"{where}: a reset names impossible places")

        if gone:
            demand(kind.tag not in ("Genesis", "Rekey") and self.start is not None and seq <= self.start, "CHK-026",
                   f"{where}: its body is gone, and no vouched checkpoint replaces it")
            self._commit(seq, computed, header)
            self.gone.append(seq)
            return None

        # body, opening, padding, author
        if seq == 0:
            self.public = kind.public
        raw = self._body(header, body) if header.body.place.tag == "Blobs" else body
        demand(len(raw) == header.body.len and plain_hash(raw) == header.body.hash, "CHK-018",
               f"{where}: the body is not that of the header")
        if kind.tag == "Rekey":
            opened = self._rekey(seq, header, raw, where)
            if opened is None:
                return None
        else:
            keys = self._keys(header.epoch, self.public, first=seq == 0)
            try:
                signed, payload = self._open(keys, header, raw, where)
                if seq == 0:
                    self._genesis(payload, signed, where)
                demand(kind.tag != "Append" or not payload.cites, "CHK-017", f"{where}: an append cites something")
                self._author(header, signed, payload, self.members, where)
            except Refused as refused:
                if kind.tag != "Append":
                    raise
                # It counts for the chain alone, and stops nobody.
                self._commit(seq, computed, header)
                self.passed_over.append((seq, refused))
                return None
            opened = Opened(seq, header, signed, payload)
        self._commit(seq, computed, header)
        for cite in opened.payload.cites:
            if any(m.account == cite.account for m in self.members):
                self.cited.setdefault(cite.account, []).append(cite)
        if kind.tag == "Rekey":
            self.epoch += 1
            self.public = kind.next
            self.members = opened.payload.content.rekey.members
        return opened

    def _commit(self, seq, head, header):
        self.heads.append(head)
        self.ids.add(header.entry)
        if seq == 0:
            self.epoch = 0
        if header.kind.tag == "Checkpoint":
            self.through = max(self.through, header.kind.through)
        if header.kind.tag == "Close":
            self.closed = True

    def _body(self, header, inline):
        if header.body.place.tag == "Inline":
            return inline
        pieces = []
        blobs = header.body.place.blobs
        for i, blob in enumerate(blobs):
            piece = self.store.blob(self.row, blob, "an entry's body")
            last = i == len(blobs) - 1
            demand(len(piece) == (header.body.len - i * MIB4 if last else MIB4), "CHK-018", "a body's blob has another length")
            pieces.append(piece)
        return b"".join(pieces)

    # --- opening

    def _keys(self, epoch, public, first=False):
        if epoch in self.keyring.keys:
            return self.keyring.keys[epoch]
        check = "CHK-005" if self.keyring.home else "CHK-004"
        for grant in self.keyring.candidates(epoch):
            if self._gives(grant, epoch, public):
                self.keyring.keys[epoch] = EpochKeys(self.id, epoch, grant.read)
                return self.keyring.keys[epoch]
        raise Refused(check, f"no secret opens epoch {epoch} of journal {self.id.hex()}")

    def _gives(self, grant, epoch, public):
        """Every secret of a grant gives the public half in the header (CHK-004, CHK-005, CHK-022)."""
        if EpochKeys(self.id, epoch, grant.read).token_hash != public.read_token_hash:
            return False
        append = grant.append
        if append is None and grant.write is not None:
            append = append_secret(self.id, epoch, grant.write)
        if append is not None and append_public(self.id, epoch, append) != public.append_key:
            return False
        if grant.write is not None and write_public(self.id, epoch, grant.write) != public.write_key:
            return False
        # after a refresh the admin key is that of an earlier epoch, whose A home may repeat
        if grant.admin is not None and all(admin_public(self.id, e, grant.admin) != public.admin_key
                                           for e in range(epoch, -1, -1)):
            return False
        return True

    def _open(self, keys, header, box, where):
        plain = floe_open(keys.body, "seal body", header.front, box)
        signed = decode(T.Signed, plain)
        bare = len(plain) - len(signed.padding)
        demand(len(plain) == body_length(bare) and not any(signed.padding), "CHK-018", f"{where}: the padding is wrong")
        payload = decode(T.Payload, signed.payload)
        demand(len(payload.cites) <= 8192, "CHK-024", f"{where}: too many cites")
        content = payload.content
        ops = {"Home": lambda: len(content.ops), "Drive": lambda: len(content.batch.ops)}.get(content.tag, lambda: 0)()
        demand(ops <= 8192, "CHK-024", f"{where}: too many operations")
        return signed, payload

    def _author(self, header, signed, payload, members, where):
        kind, author = header.kind, signed.author
        want = CONTENT.get(kind.tag) or self.kind  # a Change carries Home or Drive
        demand(payload.content.tag == want, "CHK-017", f"{where}: the content does not belong to its kind")
        if kind.tag == "Checkpoint":
            demand(payload.content.manifest.through == kind.through, "CHK-017", f"{where}: the manifest has another through")
        member = next((m for m in members if m.account == author.account), None)
        demand(member, "CHK-017", f"{where}: its author is no member")
        if kind.tag == "Append":
            demand(self.kind == "Drive" and all(op.tag == "Create" for op in payload.content.batch.ops), "CHK-017",
                   f"{where}: an append says more than Create")
        writes = kind.tag in ("Change", "Checkpoint") or (kind.tag == "Rekey" and kind.signer.tag == "Writer")
        demand(T.RANK[member.role.tag] >= T.RANK["Append" if kind.tag == "Append" else "Writer" if writes else "Admin"],
               "CHK-017",
               f"{where}: its author has not the right")
        statement = Value(journal=header.journal, epoch=header.epoch, entry=header.entry, seen=header.seen, kind=kind,
                          adds=header.adds, drops=header.drops, payload=H("payload.", signed.payload),
                          account=author.account, device=author.device)
        data = T.Statement.enc(statement)
        chain = self.directory.chain(author.account)
        for link in self._links(chain, member, payload, header):
            key = chain.devices_at[link].get(author.device)
            if key and verifies(key, "author.", data, signed.signature):
                return
        raise Refused("CHK-017", f"{where}: its author's device is not valid, or did not sign it")

    def _links(self, chain, member, payload, header):
        """The newest cited link that stands; where earlier bodies are gone, also what the vouched checkpoint cites."""
        own = [c for c in payload.cites if c.account == member.account]
        cites = [member.chain] + (self.cited.get(member.account, []) if header.kind.tag != "Genesis" else []) + own
        for c in own:
            demand(chain.stands(c) or chain.cut_off(c), "CHK-007", "an entry cites a link that the directory does not have")
        standing = [c.seq for c in cites if chain.stands(c)]
        out = [max(standing)] if standing else []
        if self.gone:
            out += [c.seq for c in self.vouched_cites if c.account == member.account and chain.stands(c)]
        return out

    # --- lists and rekeys

    def _list(self, members, check, where):
        ids = [m.account for m in members]
        demand(len(set(ids)) == len(ids), check, f"{where}: the list has an account twice")
        demand(any(m.role.tag == "Admin" for m in members), check, f"{where}: the list has no admin")
        for m in members:
            chain = self.directory.chain(m.account)
            demand(m.chain.account == m.account and (chain.stands(m.chain) or chain.cut_off(m.chain)), check,
                   f"{where}: the list cites a link that is on no chain")
        if self.keyring.home:
            demand(ids == [self.account.id], "CHK-005", f"{where}: home has another member")

    def _genesis(self, payload, signed, where):
        content = payload.content
        demand(content.tag == "Genesis" and content.kind.tag == self.kind, "CHK-017", "genesis is of another kind of journal")
        self._list(content.members, "CHK-017", where)
        demand(content.members[0].account == signed.author.account, "CHK-017", f"{where}: another is named as creator")
        self.members = content.members

    def _envelope(self, header, body, old_keys):
        """My grant, as an envelope gives it; None where there is none for me."""
        epoch = header.epoch + 1
        tag = keyed_hash(old_keys.tags, self.account.id + le(epoch, 8))[:16]
        context = self.id + le(epoch, 8) + self.account.id
        for envelope in body.envelopes:
            if envelope.tag_ != tag:
                continue
            demand(len(envelope.wrapped) == GRANT_BOX, "CHK-022", "an envelope has another length")
            for seed in reversed(self.account.kem_seeds):
                try:
                    plain = hpke_open(seed, "wrap epoch grant", context, envelope.wrapped)
                    break
                except Refused:
                    continue
            else:
                raise Refused("CHK-022", "my envelope of a rekey does not open")
            read, parts = plain[:32], []
            for at in (32, 65, 98):
                demand(plain[at] in (0, 1) and (plain[at] or not any(plain[at + 1:at + 33])), "CHK-029",
                       "a grant does not decode")
                parts.append(plain[at + 1:at + 33] if plain[at] else None)
            return Value(read=read, append=parts[0], write=parts[1], admin=parts[2])
        return None

    def _rekey(self, seq, header, raw, where):
        kind, epoch = header.kind, header.epoch + 1
        body = decode(T.RekeyBody, raw)
        old_keys = self._keys(header.epoch, self.public)
        refresh = kind.signer.tag == "Writer"

        def bad(why):
            return Refused("CHK-022", f"{where}: {why}")

        notice_plain = floe_open(old_keys.notice, "seal notice", header.front, body.notice)
        notice = decode(T.Notice, notice_plain)
        demand(len(notice_plain) == padme(max(256, len(notice_plain) - len(notice.padding))) and not any(notice.padding),
               "CHK-018", f"{where}: the notice's padding is wrong")
        granted = None
        if self.keyring.home:
            demand(not body.envelopes, "CHK-022", f"{where}: home has envelopes")
            grants = self.keyring.candidates(epoch)
            if not grants or not self._gives(grants[0], epoch, kind.next):
                raise Refused("CHK-005", f"{where}: home's keys are not those of the account secret")
        else:
            granted = self._envelope(header, body, old_keys)
            if granted and not self._gives(granted, epoch, kind.next):
                raise bad("a received secret does not give the public half")
            recorded = [g for g in self.keyring.candidates(epoch) if self._gives(g, epoch, kind.next)]
            if not granted and not recorded:
                if not refresh and self.account.id in notice.removed:
                    self.removed = True
                    return None
                raise bad("there is no envelope for me, and I was not removed")
            self.keyring.recorded[epoch] = recorded[0] if recorded else granted
        keys = self._keys(epoch, kind.next)
        signed, payload = self._open(keys, header, body.sealed, where)
        self._author(header, signed, payload, self.members, where)
        rekey = payload.content.rekey
        if self.keyring.home:
            demand(rekey.previous is None, "CHK-022", f"{where}: home carries a previous secret")
        elif rekey.previous is None or EpochKeys(self.id, header.epoch, rekey.previous).token_hash != self.public.read_token_hash:
            raise bad("the previous secret is not that of the epoch before")
        count = len(rekey.members)
        room = 1 << max(count - 1, 0).bit_length()
        due = 0 if self.keyring.home else (room - count) * 101
        demand(len(rekey.padding) == due and not any(rekey.padding), "CHK-018", f"{where}: the list is not padded as prescribed")
        self._list(rekey.members, "CHK-022", where)
        old = {m.account: m for m in self.members}
        for m in rekey.members:
            if m.account in old and m.chain.seq < old[m.account].chain.seq and not \
                    self.directory.chain(m.account).cut_off(old[m.account].chain):
                raise bad("cites somebody who stays with an older link")
        if refresh:
            if [(m.account, m.role.tag) for m in rekey.members] != [(m.account, m.role.tag) for m in self.members]:
                raise bad("a refresh changes the list")
            if kind.next.admin_key != self.public.admin_key:
                raise bad("a refresh changes the admin key")
        if granted:
            mine = next((m for m in rekey.members if m.account == self.account.id), None)
            if mine is None:
                raise bad("an envelope for somebody who is not in the list")
            rank = T.RANK[mine.role.tag]
            due = (rank == 1, rank >= 2, rank >= 3 and not refresh)
            if tuple(s is not None for s in (granted.append, granted.write, granted.admin)) != due:
                raise bad("a grant does not have what its role has")
        return Opened(seq, header, signed, payload)
