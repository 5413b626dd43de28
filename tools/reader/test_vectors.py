#!/usr/bin/env python3
"""Runs the reader against vectors/seal and vectors/core. The last line says how many cases passed and failed."""

import hashlib
import json
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from drive import DRIVE_BATCH, RECORD, SEGMENT, Author, Drive, check_segment
from encoding import Record, Refused, Vec, decode, encode, hash_of
from identity import GENERATION_SECRETS, HOME_OP, LINK_SECRETS, SIGNED_LINK, Chain, open_account_secrets
from journal import HEADER, SIGNED, Journal, Stored, associated_data
from sealing import (
    PARAMS,
    SEGMENT_PLAIN,
    AccountGeneration,
    Device,
    Epoch,
    Words,
    XWing,
    derive,
    expand,
    floe_length,
    floe_open,
    hpke_open,
    labelled,
    open_password_file,
    signing_public,
    unwrap,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def raw(text):
    return bytes.fromhex(text)


def same(found, expected, what):
    found = found.hex() if isinstance(found, bytes) else found
    assert found == expected, f"{what}: {str(found)[:80]} is not {str(expected)[:80]}"


def refused(check, action):
    try:
        action()
    except Refused as error:
        assert check in (None, error.check), f"{error.check} is not {check}"
    else:
        raise AssertionError(f"{check or 'a refusal'} is missing")


def account(case):
    secret, root = raw(case["secret"]), raw(case["root"])
    generation = AccountGeneration(secret, root, case["generation"])
    same(generation.signing_public(), case["signing_public"], "signing_public")
    same(generation.derive("account kem"), case["kem_seed"], "kem_seed")
    same(generation.kem().public(), case["kem_public"], "kem_public")
    same(generation.derive("previous generation key"), case["previous_generation_key"], "previous_generation_key")
    home = generation.home(raw(case["home_journal"]))
    same(home.read, case["home_read"], "home_read")
    same(home.write, case["home_write"], "home_write")
    same(home.admin, case["home_admin"], "home_admin")
    same(home.key("read token"), case["home_read_token"], "home_read_token")
    previous = case["previous"]
    same(generation.open_previous(raw(previous["account"]), raw(previous["wrapped"])), previous["secret"], "previous")


def device(case):
    keys = Device(raw(case["seed"]), raw(case["device"]))
    same(signing_public(keys.signing_seed()), case["signing_public"], "signing_public")
    same(derive(keys.seed, "crannog/1 derive device kem", keys.device), case["kem_seed"], "kem_seed")
    same(keys.kem().public(), case["kem_public"], "kem_public")


def epoch(case):
    keys = Epoch(raw(case["journal"]), case["epoch"], raw(case["K"]), raw(case["W"]), raw(case["A"]))
    for purpose in ("read token", "body key", "notice key", "previous epoch key", "envelope tag key"):
        same(keys.key(purpose), case[purpose.replace(" ", "_")], purpose)
    same(keys.write_public(), case["write_public"], "write_public")
    same(keys.admin_public(), case["admin_public"], "admin_public")
    body, previous = case["body"], case["previous_K"]
    same(floe_open(keys.key("body key"), "crannog/1 seal body", raw(body["header"]), raw(body["sealed"])), body["plain"], "body")
    key = keys.key("previous epoch key")
    same(floe_open(key, "crannog/1 seal previous epoch", b"\x01", raw(previous["wrapped"])), previous["K"], "previous_K")


def floe_seal(key, label, context, plain):
    """Seals with the vectors' randomness: the bytes 0, 1, 2 … in the order in which they are drawn."""
    aad, iv = labelled(label, context), bytes(range(32))

    def kdf(secret, purpose, length):
        return expand(secret, PARAMS + iv + purpose + aad, length)

    cipher = AESGCM(kdf(kdf(key, b"MESSAGE_KEY:", 48), b"DEK:" + bytes(8), 32))
    box = PARAMS + iv + kdf(key, b"HEADER_TAG:", 32)
    pieces = [plain[at : at + SEGMENT_PLAIN] for at in range(0, len(plain), SEGMENT_PLAIN)] or [b""]
    for i, piece in enumerate(pieces):
        last = i + 1 == len(pieces)
        nonce = bytes((32 + 12 * i + n) % 256 for n in range(12))
        length = (32 + len(piece)).to_bytes(4, "big") if last else b"\xff" * 4
        box += length + nonce + cipher.encrypt(nonce, piece, i.to_bytes(8, "big") + bytes([last]))
    return box


def floe(case):
    key, context = raw(case["key"]), raw(case["context"])
    if "plain_repeats" in case:
        plain = raw(case["plain_repeats"]["byte"]) * case["plain_repeats"]["count"]
        sealed = floe_seal(key, case["label"], context, plain)
        same(len(sealed), case["sealed_len"], "sealed_len")
        same(hashlib.sha256(sealed).hexdigest(), case["sealed_sha256"], "sealed_sha256")
        case = {**case, "plain": plain.hex(), "sealed": sealed.hex()}
    sealed = raw(case["sealed"])
    same(floe_seal(key, case["label"], context, raw(case["plain"])), case["sealed"], "sealed")
    same(floe_open(key, case["label"], context, sealed), case["plain"], "plain")
    same(len(sealed), floe_length(len(raw(case["plain"]))), "length")
    for bad in (sealed[:-1], sealed + b"\0", bytes([sealed[0] ^ 1]) + sealed[1:], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        refused("CHK-002", lambda: floe_open(key, case["label"], context, bad))
    refused("CHK-002", lambda: floe_open(key, case["label"], context + b"\0", sealed))


def hpke_published(case):
    key = XWing(raw(case["skRm"]))
    same(key.public()[:32], case["pkRm_first_32"], "pkRm")
    box, aead = raw(case["enc"]) + raw(case["ct"]), (3, ChaCha20Poly1305)
    same(hpke_open(key, raw(case["info"]), raw(case["aad"]), box, aead), case["pt"], "pt")


def hpke(case):
    key, wrapped = XWing(raw(case["kem_seed"])), raw(case["wrapped"])
    same(unwrap(key, case["label"], raw(case["context"]), wrapped), case["plain"], "plain")
    refused("CHK-002", lambda: unwrap(key, case["label"], raw(case["context"]) + b"\0", wrapped))


def kdf(case):
    same(derive(raw(case["secret"]), case["label"], raw(case["context"])), case["out"], "out")


def password(case):
    same(open_password_file(case["password"], raw(case["file"])), case["key"], "key")
    refused("CHK-002", lambda: open_password_file(case["password"] + " ", raw(case["file"])))


def words(case):
    known = Words(f"\n {case['words'].upper()} ")
    same(known.root_public(), case["root_public"], "root_public")
    same(known.recovery_kem_seed(), case["recovery_kem_seed"], "recovery_kem_seed")
    same(XWing(known.recovery_kem_seed()).public(), case["recovery_kem_public"], "recovery_kem_public")


SEAL = {
    "account": account,
    "device": device,
    "epoch": epoch,
    "floe": floe,
    "hpke-xwing-published": hpke_published,
    "hpke": hpke,
    "kdf": kdf,
    "password": password,
    "words": words,
}


def chain_of(case):
    chain = Chain([raw(case["link"])])
    same(chain.account, case["account"], "account")
    root = Words(case["words"]).root_public()
    same(chain.root, root.hex(), "root")
    return chain


def read_journal(case, journal, kind, known, epochs, names):
    """Reads the entries in order; each must give its outcome, and a refused one leaves no trace."""
    chain = chain_of(known)
    secrets = {number: Epoch(journal, number, raw(e["read"]), raw(e["write"]), raw(e["admin"])) for number, e in epochs.items()}
    reader = Journal(journal, kind, chain.account, {chain.account: chain}.get, None, secrets)
    opened = {}
    for name in names:
        entry = case[name]
        header = raw(entry["header"])
        same(associated_data(decode(HEADER, header)), entry["associated_data"], f"{name} associated data")
        stored = Stored(entry["seq"], raw(entry["head"]), header, raw(entry["signature"]), raw(entry["body"]))
        if entry["outcome"] != "ok":
            refused(entry["outcome"], lambda: reader.read(stored))
            continue
        opened[name] = reader.read(stored)
        if entry["plain_body"] is not None:
            signed = decode(SIGNED, raw(entry["plain_body"]))
            same(signed.author, opened[name].author, f"{name} author")
    return opened


def entries(case):
    epochs = {0: case["epoch_0"], 1: case["epoch_1"]}
    names = sorted(
        (name for name in case if isinstance(case[name], dict) and "header" in case[name]),
        key=lambda n: (case[n]["seq"], case[n]["outcome"] == "ok"),
    )
    opened = read_journal(case, raw(case["journal"]), "Drive", case["author"], epochs, names)
    assert len(opened) == sum(case[name]["outcome"] == "ok" for name in names)
    # A reader that knows only the newest secret walks back to the first.
    rows = [
        Stored(case[n]["seq"], raw(case[n]["head"]), raw(case[n]["header"]), raw(case[n]["signature"]), raw(case[n]["body"]))
        for n in names
    ]
    newest = epochs[1]
    secrets = {1: Epoch(raw(case["journal"]), 1, raw(newest["read"]), raw(newest["write"]), raw(newest["admin"]))}
    chain = chain_of(case["author"])
    back = Journal(raw(case["journal"]), "Drive", chain.account, {chain.account: chain}.get, None, secrets)
    back.walk_back([row for row, name in zip(rows, names) if case[name]["outcome"] == "ok"])
    same(back.secrets[0].read, case["epoch_0"]["read"], "epoch 0 from epoch 1")
    # One who has only the envelope's key takes the grant from there.
    older = epochs[0]
    secrets = {0: Epoch(raw(case["journal"]), 0, raw(older["read"]), raw(older["write"]), raw(older["admin"]))}
    generation = AccountGeneration(raw(case["author"]["account_secret_0"]), chain.root, 0)
    joined = Journal(raw(case["journal"]), "Drive", chain.account, {chain.account: chain}.get, None, secrets, [generation.kem()])
    for row, name in zip(rows, names):
        if case[name]["outcome"] == "ok":
            joined.read(row)
    same(joined.secrets[1].read, newest["read"], "epoch 1 from the envelope")


def home(case):
    known = case["account"]
    chain = chain_of(known)
    generation = AccountGeneration(raw(known["account_secret_0"]), chain.root, 0)
    keys = generation.home(raw(case["home"]))
    for right in ("read", "write", "admin"):
        same(getattr(keys, right), case["epoch_0"][right], right)
    opened = read_journal(case, raw(case["home"]), "Home", known, {0: case["epoch_0"]}, ["genesis", "change"])
    ops = opened["change"].payload.content.value
    same([encode(HOME_OP, op).hex() for op in ops], case["ops"], "ops")


def sigchain(case):
    known = case["account"]
    links, secrets = [raw(case["create"])], [decode(GENERATION_SECRETS, raw(case["create_secrets"]))]
    same(case["create"], known["link"], "create")
    phrase = Words(case["words"])
    for name in ("revoke", "recover", "new_words_without_the_old_root", "new_words"):
        step = case[name]
        link = encode(SIGNED_LINK, Record(link=raw(step["link"]), signatures=[raw(s) for s in step["signatures"]]))
        if step["outcome"] != "ok":
            refused(step["outcome"], lambda: Chain([*links, link]))
            continue
        links.append(link)
        chain = Chain(links)
        same(chain.hashes[-1], step["hash"], f"{name} hash")
        secrets.append(decode(LINK_SECRETS, raw(step["secrets"])).value)
        right = [words for words in (Words(known["words"]), phrase) if words.root_public() == chain.root]
        found = open_account_secrets(chain, secrets, right[0])
        same(found[-1].secret, step["account_secret"], f"{name} account secret")
        same(found[0].secret, known["account_secret_0"], "account secret 0")
    damaged = bytearray(links[1])
    damaged[40] ^= 1
    refused(None, lambda: Chain([links[0], bytes(damaged)]))


def folded():
    drive = Drive()
    for entry in load("core", "drive-batches")["entries"]:
        author = Author(
            entry["seq"], entry["seen_seq"], entry["time"], entry["device_name"], raw(entry["account"]), raw(entry["device"])
        )
        ops = decode(DRIVE_BATCH, raw(entry["batch"])).ops
        yield entry, drive, [drive.apply(op, author) for op in ops]


def batches(case):
    for entry, drive, done in folded():
        expected = [not outcome.startswith("ignored") for outcome in entry["outcomes"]]
        assert done == expected, f"entry {entry['seq']}: {done} is not {entry['outcomes']}"
        # "conflict: NAME" and "recovered: NAME" say where a node was placed.
        names = {name for _, name in drive.names}
        placed = [outcome.partition(": ")[2] for outcome in entry["outcomes"] if ": " in outcome]
        assert names.issuperset(placed), f"entry {entry['seq']}: {placed} are not all in {names}"


def segment(case):
    *_, (_, drive, _) = folded()
    plain, known = raw(case["plaintext"]), decode(SEGMENT, raw(case["segment"]))
    records = drive.records(known.after, known.to)
    same(len(records), case["records"], "records")
    same(encode(Vec(RECORD), records), case["plaintext"], "plaintext")
    same(hash_of("crannog/1 segment.", plain), case["hash"], "hash")
    assert check_segment(known, plain) == records
    # The fold that a checkpoint gives goes on as the one that it was made from.
    store = SimpleNamespace(whole=lambda _: plain)
    loaded = Drive.from_checkpoint(Record(through=known.to, segments=[known]), store)
    same(encode(Vec(RECORD), loaded.records(0, known.to)), case["plaintext"], "the loaded checkpoint")
    assert (loaded.names, loaded.children, loaded.gone) == (drive.names, drive.children, drive.gone)
    damaged = plain[:-1] + bytes([plain[-1] ^ 1])
    refused("CHK-030", lambda: check_segment(known, damaged))


CORE = {"entry": entries, "home": home, "sigchain": sigchain, "drive-batches": batches, "drive-segment": segment}


def load(folder, name):
    return json.loads((VECTORS / folder / f"{name}.json").read_text())


def cases():
    for folder, known in (("seal", SEAL), ("core", CORE)):
        names = {path.stem for path in (VECTORS / folder).glob("*.json")}
        for name in sorted(names | set(known)):
            if name not in known or name not in names:
                yield f"{folder}/{name}", missing, None
                continue
            data = load(folder, name)
            for index, case in enumerate(data if isinstance(data, list) else [data]):
                yield f"{folder}/{name} {index}", known[name], case


def missing(_):
    raise AssertionError("vectors and this script do not agree on what there is")


def main():
    passed, failed = 0, 0
    for name, test, case in cases():
        try:
            test(case)
        except Exception:  # Every failure is shown and counted.
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
