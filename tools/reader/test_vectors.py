#!/usr/bin/env python3
"""Runs the reader against vectors/. Every file is used; the last line says how many cases passed and failed."""
import hashlib
import json
import sys
import traceback
import unicodedata
from pathlib import Path
from unittest import mock

from crannog import checkpoint, inbox, prim
from crannog import types as T
from crannog.borsh import Value, decode
from crannog.errors import Refused
from crannog.fold import Drive
from crannog.journal import Journal, Keyring, Opened
from crannog.prim import derive, floe_open, kem_public, le, sign_public
from crannog.reader import Account, Directory, Home
from crannog.sigchain import Chain
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
hx = bytes.fromhex


def load(path):
    return json.loads((VECTORS / path).read_text())


def eq(found, expected, what):
    assert found == expected, (what, found, expected)


def purpose(label):
    assert label.startswith("crannog/1 ")
    return label.removeprefix("crannog/1 ")


def refused(action, check):
    try:
        action()
    except Refused as e:
        eq(e.check, check, "check")
        return
    raise AssertionError("not refused " + check)


# --- seal

def floe_seal(key, aad, plain):
    """The reader seals nothing. The vectors draw their randomness as the bytes 0, 1, 2, ..."""
    iv, out = bytes(range(32)), []
    message_key = prim._floe_kdf(key, iv, b"MESSAGE_KEY:", aad, 48)
    pieces = [plain[i:i + prim.PLAIN] for i in range(0, len(plain), prim.PLAIN)] or [b""]
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        nonce = bytes(range(32 + 12 * i, 44 + 12 * i))
        box = prim._floe_dek(message_key, iv, aad, i).encrypt(nonce, piece, i.to_bytes(8, "big") + (b"\1" if last else b"\0"))
        out.append(((len(piece) + prim.MORE).to_bytes(4, "big") if last else b"\xff" * 4) + nonce + box)
    return prim.PARAMS + iv + prim._floe_kdf(key, iv, b"HEADER_TAG:", aad, 32) + b"".join(out)


def floe(v):
    plain = hx(v["plain"]) if "plain" in v else hx(v["plain_repeats"]["byte"]) * int(v["plain_repeats"]["count"])
    key, label, context = hx(v["key"]), v["label"], hx(v["context"])
    box = floe_seal(key, label.encode() + b"\0" + context, plain)
    if "sealed" in v:
        eq(box.hex(), v["sealed"], "sealed")
    else:
        eq((len(box), hashlib.sha256(box).hexdigest()), (int(v["sealed_len"]), v["sealed_sha256"]), "sealed")
    eq(prim.floe_length(len(plain)), len(box), "length")
    eq(floe_open(key, purpose(label), context, box), plain, "opened")
    for bad in (box[:-1], box + b"\0", bytes([box[0] ^ 1]) + box[1:], box[:-1] + bytes([box[-1] ^ 1])):
        refused(lambda bad=bad: floe_open(key, purpose(label), context, bad), "CHK-002")
    refused(lambda: floe_open(key, purpose(label), context + b"\0", box), "CHK-002")


def floe_published(name, segment, rotation):
    """Those of the FLOE specification, with other parameters than Crannog's."""
    params = bytes(2) + segment.to_bytes(4, "big") + (32).to_bytes(4, "big")
    ct, pt = (hx((VECTORS / f"floe/cpp_{name}_{x}.txt").read_text().strip()) for x in ("ct", "pt"))
    with mock.patch.multiple(prim, PARAMS=params, SEGMENT=segment, PLAIN=segment - 32, ROTATION=rotation):
        eq(prim.floe_open_raw(bytes(32), b"This is AAD", ct), pt, name)


def kdf(v):
    eq(derive(hx(v["secret"]), purpose(v["label"]), hx(v["context"])).hex(), v["out"], "kdf")


def words(v):
    s = prim.words_secret("  " + v["words"].upper().replace(" ", "\t\n") + "\n")
    eq(sign_public(derive(s, "derive root signing")).hex(), v["root_public"], "root")
    k = derive(s, "derive recovery kem")
    eq((k.hex(), kem_public(k).hex()), (v["recovery_kem_seed"], v["recovery_kem_public"]), "recovery")


def epoch(v):
    j, e = hx(v["journal"]), int(v["epoch"])
    keys = prim.EpochKeys(j, e, hx(v["K"]))
    eq(derive(hx(v["K"]), "derive read token", keys.context).hex(), v["read_token"], "token")
    eq((keys.body.hex(), keys.notice.hex(), keys.tags.hex()), (v["body_key"], v["notice_key"], v["envelope_tag_key"]), "keys")
    p = prim.append_secret(j, e, hx(v["W"]))
    eq((p.hex(), prim.append_public(j, e, p).hex()), (v["P"], v["append_public"]), "P")
    eq(prim.write_public(j, e, hx(v["W"])).hex(), v["write_public"], "W")
    eq(prim.admin_public(j, e, hx(v["A"])).hex(), v["admin_public"], "A")
    b = v["body"]
    eq(floe_open(keys.body, "seal body", hx(b["header"]), hx(b["sealed"])).hex(), b["plain"], "body")
    pk = derive(hx(v["K"]), "derive previous epoch key", keys.context)
    eq(pk.hex(), v["previous_epoch_key"], "previous")
    eq(floe_open(pk, "seal previous epoch", b"\1", hx(v["previous_K"]["wrapped"])).hex(), v["previous_K"]["K"], "K")


def account(v):
    g = int(v["generation"])
    s, c = hx(v["secret"]), hx(v["root"]) + le(g, 4)
    eq(sign_public(derive(s, "derive account signing", c)).hex(), v["signing_public"], "signing")
    k = derive(s, "derive account kem", c)
    eq((k.hex(), kem_public(k).hex()), (v["kem_seed"], v["kem_public"]), "kem")
    for p in ("read", "write", "admin"):
        eq(derive(s, f"derive home {p}", c).hex(), v[f"home_{p}"], p)
    token = derive(hx(v["home_read"]), "derive read token", prim.epoch_context(hx(v["home_journal"]), g))
    eq(token.hex(), v["home_read_token"], "home token")
    pk = derive(s, "derive previous generation key", c)
    eq(pk.hex(), v["previous_generation_key"], "previous key")
    p = v["previous"]
    eq(floe_open(pk, "seal previous generation", hx(p["account"]) + le(g, 4), hx(p["wrapped"])).hex(), p["secret"], "S")


def device(v):
    seed, ident = hx(v["seed"]), hx(v["device"])
    eq(sign_public(derive(seed, "derive device signing", ident)).hex(), v["signing_public"], "device")
    k = derive(seed, "derive device kem", ident)
    eq((k.hex(), kem_public(k).hex()), (v["kem_seed"], v["kem_public"]), "device kem")


def hpke(v):
    seed, label, context, box = hx(v["kem_seed"]), purpose(v["label"]), hx(v["context"]), hx(v["wrapped"])
    eq(prim.hpke_open(seed, label, context, box).hex(), v["plain"], "hpke")
    refused(lambda: prim.hpke_open(seed, label, context + b"\0", box), "CHK-002")


def hpke_published(v):
    """It has associated data, which Crannog does not use and the library's public call does not take."""
    m, x = prim._xwing(hx(v["skRm"]))
    eq(kem_public(hx(v["skRm"]))[:32].hex(), v["pkRm_first_32"], "pkRm")
    suite = prim.Suite(prim.KEM.MLKEM768_X25519, prim.KDF.HKDF_SHA256, prim.AEAD.CHACHA20_POLY1305)
    plain = openssl.hpke._decrypt_with_aad(suite, hx(v["enc"]) + hx(v["ct"]), prim.MLKEM768X25519PrivateKey(m, x),
                                           info=hx(v["info"]), aad=hx(v["aad"]))
    eq(plain.hex(), v["pt"], "published hpke")


def password(v):
    """The local key file is no part of a server's directory: only this test opens one."""
    f = hx(v["file"])
    eq(f[:9], b"CRANNOGK\1", "magic")

    def opened(text):
        argon = Argon2id(salt=f[21:37], length=32, iterations=int(v["t"]), lanes=int(v["p"]), memory_cost=int(v["m_kib"]))
        return floe_open(argon.derive(unicodedata.normalize("NFKD", text).encode()), "seal local key", f[:37], f[41:])

    eq(opened(v["password"]).hex(), v["key"], "local key")
    refused(lambda: opened(v["password"] + " "), "CHK-002")


def keyd(v):
    """The key service's store is no part of a server's directory either."""
    key, store = hx(v["store_key"]), hx(v["store"])
    place = store + hx(v["id"])
    eq(derive(key, "derive keyd backup key", store).hex(), v["backup_key"], "backup key")
    eq(derive(key, "derive keyd token key", store).hex(), v["token_key"], "token key")
    for r in v["records"]:
        record_key = derive(key, "derive keyd record key", store + bytes([int(r["kind"])]))
        eq(record_key.hex(), r["key"], "record key")
        eq(floe_open(record_key, purpose(r["label"]), hx(r["context"]), hx(r["sealed"])).hex(), r["plain"], "record")
    p = v["passphrase"]
    argon = Argon2id(salt=hx(p["salt"]), length=32, iterations=int(p["t"]), lanes=int(p["p"]), memory_cost=int(p["m_kib"]))
    slots = (
        (v["key_file"]["slot"], derive(hx(v["key_file"]["file"]), "derive keyd slot key", place)),
        (v["recovery"]["slot"], derive(hx(v["recovery"]["key"]), "derive keyd recovery slot key", place)),
        (p["slot"], argon.derive(unicodedata.normalize("NFKD", p["passphrase"]).encode())),
    )
    for slot, slot_key in slots:
        eq(slot_key.hex(), slot["slot_key"], "slot key")
        eq(floe_open(slot_key, "seal keyd store key", hx(slot["context"]), hx(slot["wrapped"])), key, "store key")
    root = hx(v["audit"]["root"])
    eq(sign_public(derive(root, "derive keyd audit signing", store)).hex(), v["audit"]["public"], "log key")
    eq(derive(root, "derive keyd audit value key", store).hex(), v["audit"]["value_key"], "value key")


# --- core

class FakeStore:
    """What the vectors hold, as a server would have stored it. `others`: the links of other accounts, by id."""

    def __init__(self, account, links, generations, journals, home, others=None):
        self.account, self.all_links, self.secrets, self.journals, self.home = account, links, generations, journals, home
        self.others = others or {}

    def account_by_id(self, account):
        if account in self.others:
            return account, account, None, None, None
        return (1, account, "alice", None, self.home) if account == self.account else None

    def links(self, row):
        return list(enumerate(self.others.get(row, self.all_links)))

    def generations(self, row):
        return self.secrets

    def journal(self, journal):
        rows = self.journals[journal]
        return journal, rows[-1][0], rows[-1][2]

    def entries(self, row):
        yield from self.journals[row]


def row(v):
    h = hx(v["header"])
    return (int(v["seq"]), h[41:57], hx(v["head"]), h, hx(v["signature"]), hx(v["body"]), 0)


def signed(v):
    return T.SignedLink.enc(Value(link=hx(v["link"]), signatures=[hx(s) for s in v["signatures"]]))


def secrets_of(v):
    eq(hx(v["secrets"])[0], 2, "LinkSecrets::Generation")  # api.md
    return hx(v["secrets"])[1:]


def person(v, links, generations, words, journals=None, home=None, others=None):
    store = FakeStore(hx(v["account"]), links, generations, journals or {}, home, others)
    directory = Directory(store)
    known = Account(store, directory, (1, hx(v["account"]), "alice", None, home), prim.words_secret(words))
    return store, directory, known


def first_generation():
    return {0: hx(load("core/sigchain.json")["create_secrets"])}


def sigchain(v):
    a = v["account"]
    names = ("revoke", "recover", "new_words")
    links = [hx(v["create"])] + [signed(v[n]) for n in names]
    eq(hx(a["link"]), links[0], "create")
    chain = Chain(hx(a["account"]), list(enumerate(links)))
    eq([h.hex() for h in chain.hashes[1:]], [v[n]["hash"] for n in names], "hashes")
    forged = links[:3] + [signed(v["new_words_without_the_old_root"])]
    refused(lambda: Chain(hx(a["account"]), list(enumerate(forged))), v["new_words_without_the_old_root"]["outcome"])
    closed = Chain(hx(a["account"]), list(enumerate(links + [signed(v["close"])])))
    eq((closed.hashes[-1].hex(), closed.devices_at[-1]), (v["close"]["hash"], {}), "close")
    stolen = links + [signed(v["close_by_the_account_key"])]
    refused(lambda: Chain(hx(a["account"]), list(enumerate(stolen))), v["close_by_the_account_key"]["outcome"])

    generations, secrets = first_generation(), [a["account_secret_0"]]
    person(a, links[:1], generations, a["words"])
    for n, name in enumerate(names, 1):
        generations[n] = secrets_of(v[name])
        secrets.append(v[name]["account_secret"])
        _, _, known = person(a, links[:n + 1], generations, v["words"] if name == "new_words" else a["words"])
        eq([s.hex() for s in known.secrets], secrets, "secrets")
    refused(lambda: person(a, links, generations, a["words"]), "CHK-008")
    without = {k: x for k, x in generations.items() if k != 1}
    refused(lambda: person(a, links, without, v["words"]), "CHK-004")


def entries(v):
    a, journal, names = v["author"], hx(v["journal"]), ("genesis", "change", "rekey", "close")
    eq([v[n]["outcome"] for n in names], ["ok"] * 4, "outcomes")

    def reading(rows, recorded):
        store, directory, known = person(a, [hx(a["link"])], first_generation(), a["words"], {journal: rows})
        keyring = Keyring(journal, {e: Value(**{k: x and hx(x) for k, x in v[f"epoch_{e}"].items()}) for e in recorded})
        return list(Journal(store, directory, known, journal, "Drive", keyring).read()), keyring

    rows = [row(v[n]) for n in names]
    for recorded in ((0,), (0, 1), (1,)):  # the rekey's envelope and its previous secret give the others
        found, keyring = reading(rows, recorded)
        eq(len(found), 4, "entries")
        eq({e: g.read.hex() for e, g in keyring.recorded.items()}, {e: v[f"epoch_{e}"]["read"] for e in (0, 1)}, "secrets")
        for n, opened in zip(names, found, strict=True):
            eq(opened.header.front.hex(), v[n]["associated_data"], "associated data")
            if v[n]["plain_body"] is not None:
                eq(decode(T.Signed, hx(v[n]["plain_body"])).author, opened.author, "author")
        refused(lambda recorded=recorded: reading(rows[:3] + [row(v["close_flipped"])], recorded), v["close_flipped"]["outcome"])


def home(v):
    a, journal = v["account"], hx(v["home"])
    rows = {journal: [row(v["genesis"]), row(v["change"])]}
    store, directory, known = person(a, [hx(a["link"])], first_generation(), a["words"], rows, journal)
    eq([k.hex() for k in known.home_secrets(0)], [v["epoch_0"][k] for k in ("read", "write", "admin")], "home's secrets")
    state = Home(store, directory, known)
    ops = [decode(T.HomeOp, hx(o)) for o in v["ops"]]
    eq([T.HomeOp.enc(o).hex() for o in ops], v["ops"], "ops")
    eq(state.default, ops[0].journal, "default")
    eq(state.drives(), [(ops[0].journal, "Photos")], "drives")
    invited = next(o for o in ops if o.tag == "Invited")
    eq(state.invites, {invited.drop: invited.note}, "invites")


class Reader:
    """Another account, of which the vectors give the Create link and S_0."""

    def __init__(self, v):
        self.id = hx(v["account"])
        self.chain = Chain(self.id, [(0, hx(v["link"]))])
        context = self.chain.root + le(0, 4)
        self.kem_seeds = [derive(hx(v["account_secret_0"]), "derive account kem", context)]


def notes(v):
    bob, sender = Reader(v["recipient"]), hx(v["sender"]["account"])
    links = [hx(x) for x in v["sender_links"]]
    eq(kem_public(bob.kem_seeds[0]), bob.chain.generations[0].kem, "bob's key")

    def taken(signed, count, now):
        directory = Directory(FakeStore(bob.id, [hx(v["recipient"]["link"])], {}, {}, None, {sender: links[:count]}))
        return inbox.verify(signed, bob, directory, now)

    def expect(outcome, action):
        if outcome == "ok":
            return action()
        return refused(action, outcome)

    for case in v["signed_notes"]:
        signed = hx(case["signed_note"])
        note = expect(case["outcome"],
                      lambda: taken(inbox.decoded(T.SignedNote, signed), case["links"], case["now"]))
        if note:
            eq(T.Note.enc(note), decode(T.SignedNote, signed).note, "note")
    for case in v["drops"]:
        expect(case["outcome"], lambda: taken(inbox.open_drop(bob, hx(case["drop"])), 1, v["now"]))
    eq(inbox.open_drop(bob, hx(v["drops"][0]["drop"])), decode(T.SignedNote, hx(v["signed_notes"][0]["signed_note"])), "drop")
    eq(prim.root_words(Chain(sender, list(enumerate(links))).root), v["sender_root_words"], "words")


def share(v):
    bob, alice, journal = Reader(v["reader"]), v["creator"], hx(v["journal"])
    hexed = {k: x and hx(x) for k, x in v["invited"].items()}

    def reading(rows):
        others = {hx(alice["account"]): [hx(alice["link"])]}
        store = FakeStore(bob.id, [hx(v["reader"]["link"])], {}, {journal: rows}, None, others)
        keyring = Keyring(journal, {1: Value(**hexed)})
        walk = Journal(store, Directory(store), bob, journal, "Drive", keyring)
        return list(walk.read()), walk

    rows = [row(e) for e in v["entries"]]
    found, walk = reading(rows)
    eq((len(found), walk.removed), (6, True), "entries")
    eq([e.author.account == bob.id for e in found], [False] * 5 + [True], "authors")
    for epoch in (0, 2):
        eq(walk.keyring.recorded[epoch].read.hex(), v[f"epoch_{epoch}"]["read"], "secrets")
    eq(walk.keyring.recorded[2].write.hex(), v["epoch_2"]["write"], "secrets")
    refused(lambda: reading(rows[:6] + [row(v["closed_by_the_reader"])]), v["closed_by_the_reader"]["outcome"])


def folded():
    """The fold after each entry of the batches."""
    drive = Drive()
    for e in load("core/drive-batches.json")["entries"]:
        batch = decode(T.DriveBatch, hx(e["batch"]))
        eq(T.DriveBatch.enc(batch), hx(e["batch"]), "batch")
        author = Value(account=hx(e["account"]), device=hx(e["device"]))
        payload = Value(time=e["time"], device_name=e["device_name"], content=Value("Drive", batch=batch))
        drive.apply(Opened(e["seq"], Value(seen=Value(seq=e["seen_seq"])), Value(author=author), payload))
        yield e, drive


def batches(_):
    """Outcomes "conflict: NAME" and "recovered: NAME" say where a node was placed."""
    for e, drive in folded():
        outcomes = (outcome.partition(": ") for outcome in e["outcomes"])
        placed = {name for what, _, name in outcomes if what in ("conflict", "recovered")}
        assert placed <= {name for _, name in drive.names}, (e["seq"], placed, drive.names)


class Plain:
    """Contents of which only one is asked for."""

    def __init__(self, content, plain):
        self.content, self.plain = content, plain

    def read(self, content, what):
        eq(content, self.content, "content")
        yield self.plain


def segment(v):
    known, plain = decode(T.Segment, hx(v["segment"])), hx(v["plaintext"])
    drive = next(drive for e, drive in folded() if e["seq"] == known.to)
    contents = Plain(known.content, plain)
    eq((known.hash.hex(), prim.H("segment.", plain).hex()), (v["hash"], v["hash"]), "hash")
    eq(len(checkpoint.load_segment(known, contents)), v["records"], "records")
    checkpoint.compare(known, contents, drive)
    own = {i: checkpoint.record_of(n) for i, n in drive.nodes.items()}
    own |= {i: Value("Gone", node=i, changed=c) for i, c in drive.gone.items()}
    eq(T.Records.enc([own[i] for i in sorted(own)]), plain, "own segment")
    started = checkpoint.start(Value(through=known.to, forgotten=0, segments=[known]), contents)
    eq(["/".join(p) for p, _ in started.tree()], ["/".join(p) for p, _ in drive.tree()], "trees")
    eq((started.names, started.gone), (drive.names, drive.gone), "folds")
    damaged = Plain(known.content, plain[:-1] + bytes([plain[-1] ^ 1]))
    refused(lambda: checkpoint.load_segment(known, damaged), "CHK-030")


# --- all of them

PUBLISHED = {"GCM256_IV256_64": (64, 20), "GCM256_IV256_4K": (4096, 20), "rotation": (40, 2)}
CASES = {
    "seal/account": account, "seal/device": device, "seal/epoch": epoch, "seal/floe": floe, "seal/hpke": hpke,
    "seal/hpke-xwing-published": hpke_published, "seal/kdf": kdf, "seal/keyd": keyd, "seal/password": password, "seal/words": words,
    "core/drive-batches": batches, "core/drive-segment": segment, "core/entry": entries, "core/home": home,
    "core/note": notes, "core/share": share, "core/sigchain": sigchain,
}


def every_file():
    """All but `keyd/`: keys and ciphertexts of the key service, which no server's directory holds."""
    ours = {p for folder in ("core", "seal") for p in VECTORS.glob(f"{folder}/*.json")}
    eq({str(p.relative_to(VECTORS).with_suffix("")) for p in ours}, set(CASES), "files")
    eq({p.stem for p in VECTORS.glob("floe/*.txt")}, {f"cpp_{n}_{x}" for n in PUBLISHED for x in ("ct", "pt")}, "files")


def cases():
    yield "every file is used", every_file
    for name, parameters in PUBLISHED.items():
        yield f"floe/{name}", lambda name=name, parameters=parameters: floe_published(name, *parameters)
    for name, test in CASES.items():
        data = load(name + ".json")
        for i, v in enumerate(data if isinstance(data, list) else [data]):
            yield f"{name} {i}", lambda test=test, v=v: test(v)


def main():
    passed = failed = 0
    for name, test in cases():
        try:
            test()
        except Exception:  # shown and counted
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc(file=sys.stdout)
        else:
            passed += 1
            print(f"passed {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
