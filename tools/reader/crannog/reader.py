"""From the words and a copy of the data directory to home and the drives."""
from . import checkpoint, inbox
from . import types as T
from .borsh import decode
from .content import Contents
from .errors import Refused, demand
from .fold import Drive
from .journal import Journal, Keyring, parse_header
from .prim import EpochKeys, derive, floe_open, sign_public, words_secret
from .sigchain import Account, Directory
from .store import Store


class Sheet:
    """The recovery sheet (identity.md)."""
    TITLE = "crannog recovery sheet 1"

    def __init__(self, text):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        fields = {}
        for line in lines[1:]:
            key, colon, value = line.partition(":")
            demand(colon and key in ("server", "name", "root", "link", "words") and key not in fields, "CHK-027",
                   "the recovery sheet does not read")
            fields[key] = value.strip()
        demand(len(fields) == 5, "CHK-027", "the recovery sheet lacks a line")
        self.name, self.words = fields["name"], fields["words"]
        try:
            seq, head = fields["link"].split()
            self.seq, self.link, self.root = int(seq), bytes.fromhex(head), bytes.fromhex(fields["root"])
        except ValueError:
            raise Refused("CHK-027", "the recovery sheet does not read") from None

    @classmethod
    def read(cls, text):
        first = next((line.strip() for line in text.splitlines() if line.strip()), "")
        return cls(text) if first == cls.TITLE else None


INVITES_MAX = 256


class Home:
    """State is the last operation per key."""

    def __init__(self, store, directory, account):
        self.secrets, self.names, self.heads, self.vouches, self.default = {}, {}, {}, {}, None
        self.pins, self.invites, self.accepted = {}, {}, set()
        journal = Journal(store, directory, account, account.home, "Home", Keyring(account.home, home=account.home_secrets))
        for entry in journal.read():
            if entry.payload.content.tag == "Home":
                for op in entry.payload.content.ops:
                    self._apply(op, entry)
        self.journal = journal
        self.check_heads(journal)

    def _apply(self, op, entry):
        j = getattr(op, "journal", None)
        if op.tag == "Secrets":
            self.secrets.setdefault(j, {})[op.epoch] = (op.kind.tag, op.grant)
        elif op.tag == "DriveNamed":
            self.names[j] = op.name
        elif op.tag == "DriveRemoved":
            for state in (self.secrets, self.names, self.vouches):
                state.pop(j, None)
            self.heads = {k: v for k, v in self.heads.items() if k[0] != j}
            if self.default == j:
                self.default = None
        elif op.tag == "DefaultDrive":
            self.default = j
        elif op.tag == "Head":
            self.heads[(j, entry.author.device)] = (op.seq, op.head)
        elif op.tag == "Vouch":
            known = self.vouches.get(j)
            if known is None or (op.through, op.seq) >= (known[2], known[0]):
                self.vouches[j] = (op.seq, op.head, op.through)
        elif op.tag == "Pin":
            self.pins[op.account] = op
        elif op.tag == "Accepted":
            self.accepted.add(op.drop)
            self.invites.pop(op.drop, None)
        elif op.tag == "Invited" and op.drop not in self.accepted:
            self.invites[op.drop] = op.note  # recorded again, it keeps its place
            while len(self.invites) > INVITES_MAX:
                del self.invites[next(iter(self.invites))]

    def check_heads(self, journal):
        """What devices recorded is neither lost (CHK-012) nor contradicted (CHK-013)."""
        for (j, _), (seq, head) in self.heads.items():
            if j == journal.id and not journal.removed:
                demand(seq < len(journal.heads), "CHK-012", "the server has fewer entries than home records")
                demand(journal.heads[seq] == head, "CHK-013", "a head that home records contradicts the journal")

    def drives(self):
        """(id, name), the default one first."""
        found = [(j, self.names.get(j, j.hex())) for j, epochs in self.secrets.items()
                 if any(kind == "Drive" for kind, _ in epochs.values())]
        return sorted(found, key=lambda x: (x[0] != self.default, x[1], x[0]))


class OpenDrive:
    """A verified drive: its fold, and its contents. `from_checkpoint`: start there even if nothing was pruned."""

    def __init__(self, store, directory, account, home, journal_id, from_checkpoint=False):
        recorded = {e: grant for e, (kind, grant) in home.secrets[journal_id].items()}
        keyring = Keyring(journal_id, recorded)
        self.journal = journal = Journal(store, directory, account, journal_id, "Drive", keyring)
        self.contents = Contents(store, journal.row)
        self.compared = self.skipped = 0
        vouch = home.vouches.get(journal_id)
        pruned = any(gone for *_, gone in store.entries(journal.row))
        began = None
        if vouch and (pruned or from_checkpoint):
            began = self._start(vouch)
        if began is None:
            self.fold = Drive()
        after = began or 0
        known, last = set(), None
        for entry in journal.read():
            content = entry.payload.content
            if content.tag == "Drive" and entry.seq > after:
                self.fold.apply(entry)
            elif content.tag == "Checkpoint":
                manifest = content.manifest
                checkpoint.check_manifest(manifest)
                before_start = began is not None and entry.seq < vouch[0]
                if not before_start and (last is None or manifest.through >= last):
                    last = entry.seq
                    self.fold.forget(manifest.forgotten)
                    self._compare(manifest, known, after)
        home.check_heads(journal)
        if vouch and not journal.removed:
            demand(vouch[0] < len(journal.heads) and journal.heads[vouch[0]] == vouch[1], "CHK-030",
                   "the checkpoint that home vouches for is not on the chain")

    def _start(self, vouch):
        """Opens the vouched checkpoint's manifest ahead; the walk then verifies the entry itself, and its head."""
        journal = self.journal
        journal.learn()
        rows = [r for r in self.journal.store.entries(journal.row) if r[0] == vouch[0]]
        demand(rows, "CHK-012", "the vouched checkpoint is not there")
        seq, _, head, header_bytes, _, body, gone = rows[0]
        demand(head == vouch[1], "CHK-030", "the checkpoint that home vouches for has another head")
        demand(not gone, "CHK-026", "the vouched checkpoint's body is gone")
        header = parse_header(header_bytes)
        demand(header.kind.tag == "Checkpoint", "CHK-030", "home vouches for an entry that is no checkpoint")
        for grant in journal.keyring.candidates(header.epoch):
            keys = EpochKeys(journal.id, header.epoch, grant.read)
            signed = decode(T.Signed, floe_open(keys.body, "seal body", header.front, journal._body(header, body)))
            payload = decode(T.Payload, signed.payload)
            demand(payload.content.tag == "Checkpoint" and payload.content.manifest.through == header.kind.through,
                   "CHK-017", "the vouched checkpoint holds something else")
            self.fold = checkpoint.start(payload.content.manifest, self.contents)
            journal.start = header.kind.through
            journal.vouched_cites = payload.cites
            return header.kind.through
        raise Refused("CHK-004", "no secret opens the vouched checkpoint")

    def _compare(self, manifest, known, began):
        for segment in manifest.segments:
            key = (manifest.forgotten, T.Segment.enc(segment))
            if key in known or segment.after < began:
                continue
            known.add(key)
            try:
                checkpoint.compare(segment, self.contents, self.fold)
                self.compared += 1
            except Refused as e:
                # blobs of a checkpoint that later ones replaced are dropped in the end
                if e.check != "CHK-026":
                    raise
                self.skipped += 1


class Opened:
    def __init__(self, data, words_text, name=None):
        self.store = Store(data)
        sheet = Sheet.read(words_text)
        secret = words_secret(sheet.words if sheet else words_text)
        root = sign_public(derive(secret, "derive root signing"))
        if sheet:
            demand(root == sheet.root, "CHK-027", "the words do not give the sheet's root")
            name = name or sheet.name
        if name:
            row = self.store.account_by_name(name)
            demand(row, "CHK-008", f"the server has no account {name}")
        else:
            rows = self.store.accounts_by_root(root)
            demand(len(rows) == 1, "CHK-008", "the server has no account of these words")
            row = rows[0]
        self.directory = Directory(self.store)
        self.account = Account(self.store, self.directory, row, secret, sheet)
        self.home = Home(self.store, self.directory, self.account)
        for pin in self.home.pins.values():
            chain = self.directory.chain(pin.account)
            demand(chain.stands(pin.chain) or chain.cut_off(pin.chain), "CHK-007", "a pinned account lost a link")
            demand(chain.root == pin.root or any(k == "NewWords" for k in chain.kinds[pin.chain.seq + 1:]), "CHK-008",
                   "a pinned account has another root")

    def invites(self):
        """The invites that wait, verified again; None for one that no longer is (its device was revoked, say)."""
        for recorded in self.home.invites.values():
            try:
                yield inbox.verify(inbox.decoded(T.SignedNote, recorded), self.account, self.directory)
            except Refused:
                yield None

    def drive(self, journal_id, from_checkpoint=False):
        return OpenDrive(self.store, self.directory, self.account, self.home, journal_id, from_checkpoint)

    def close(self):
        self.store.close()
