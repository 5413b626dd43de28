"""Hashes, signatures, key derivation, FLOE, HPKE, words (encoding.md, sealing.md). Primitives come from libraries."""
import hashlib
import hmac

from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from mnemonic import Mnemonic

from .errors import Refused, demand

SUITE = b"\x01"
KEM_PUBLIC = 1216
HPKE_MORE = 1136


def label(purpose: str) -> str:
    return "crannog/1 " + purpose


def le(n: int, size: int) -> bytes:
    return n.to_bytes(size, "little")


# --- hashes and signatures

def H(purpose: str, data: bytes) -> bytes:
    return blake3(data, derive_key_context=label(purpose)).digest()


def plain_hash(data: bytes) -> bytes:
    return blake3(data).digest()


def keyed_hash(key: bytes, data: bytes) -> bytes:
    return blake3(data, key=key).digest()


def verifies(key: bytes, purpose: str, data: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, label(purpose).encode() + b"\0" + data)
        return True
    except (InvalidSignature, ValueError):
        return False


def sign_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


# --- key derivation

def expand(key: bytes, info: bytes, n: int) -> bytes:
    return HKDFExpand(algorithm=hashes.SHA384(), length=n, info=info).derive(key)


def derive(secret: bytes, purpose: str, context: bytes = b"") -> bytes:
    return expand(secret, label(purpose).encode() + b"\0" + context, 32)


# --- FLOE

PARAMS = bytes([0, 0]) + (65536).to_bytes(4, "big") + (32).to_bytes(4, "big")
HEADER, SEGMENT, MORE = 74, 65536, 32
PLAIN = SEGMENT - MORE
SEGMENTS_MAX = 1 << 40
ROTATION = 20


def floe_length(n: int) -> int:
    return HEADER + n + MORE * max(1, -(-n // PLAIN))


def _floe_kdf(key, iv, purpose, aad, n):
    return expand(key, PARAMS + iv + purpose + aad, n)


def _floe_dek(message_key, iv, aad, i):
    return AESGCM(_floe_kdf(message_key, iv, b"DEK:" + ((i >> ROTATION) << ROTATION).to_bytes(8, "big"), aad, 32))


def floe_open_raw(key: bytes, aad: bytes, box: bytes) -> bytes:
    failed = Refused("CHK-002", "a box does not open")
    if len(box) < HEADER + MORE or box[:10] != PARAMS:
        raise failed
    iv, tag = box[10:42], box[42:HEADER]
    if not hmac.compare_digest(_floe_kdf(key, iv, b"HEADER_TAG:", aad, 32), tag):
        raise failed
    message_key = _floe_kdf(key, iv, b"MESSAGE_KEY:", aad, 48)
    body = memoryview(box)[HEADER:]
    count = -(-len(body) // SEGMENT)
    if count > SEGMENTS_MAX:
        raise failed
    out, dek = [], None
    for i in range(count):
        segment = bytes(body[i * SEGMENT:(i + 1) * SEGMENT])
        last = i == count - 1
        want = len(segment).to_bytes(4, "big") if last else b"\xff" * 4
        if len(segment) < MORE or segment[:4] != want:
            raise failed
        if i % (1 << ROTATION) == 0:
            dek = _floe_dek(message_key, iv, aad, i)
        try:
            out.append(dek.decrypt(segment[4:16], segment[16:], i.to_bytes(8, "big") + (b"\1" if last else b"\0")))
        except InvalidTag:
            raise failed from None
    return b"".join(out)


def floe_open(key: bytes, purpose: str, context: bytes, box: bytes) -> bytes:
    return floe_open_raw(key, label(purpose).encode() + b"\0" + context, box)


# --- HPKE with X-Wing

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _xwing(seed: bytes):
    wide = hashlib.shake_256(seed).digest(96)  # X-Wing's expandDecapsulationKey
    return MLKEM768PrivateKey.from_seed_bytes(wide[:64]), X25519PrivateKey.from_private_bytes(wide[64:])


def kem_public(seed: bytes) -> bytes:
    m, x = _xwing(seed)
    return m.public_key().public_bytes_raw() + x.public_key().public_bytes_raw()


def hpke_open(seed: bytes, purpose: str, context: bytes, box: bytes) -> bytes:
    if len(box) < HPKE_MORE:
        raise Refused("CHK-002", "a box does not open")
    m, x = _xwing(seed)
    try:
        return _SUITE.decrypt(box, MLKEM768X25519PrivateKey(m, x), info=label(purpose).encode() + b"\0" + context)
    except (InvalidTag, ValueError):
        raise Refused("CHK-002", "a box does not open") from None


# --- Padmé, and the lengths of bodies

def padme(n: int) -> int:
    if n < 2:
        return n
    e = n.bit_length() - 1
    s = e.bit_length()
    mask = (1 << (e - s)) - 1
    return (n + mask) & ~mask


def body_length(n: int) -> int:
    if n > 65536:
        return padme(n)
    return max(1024, 1 << (n - 1).bit_length())


# --- words

def words_of(text: str) -> str:
    return " ".join(text.lower().split())


def words_secret(text: str) -> bytes:
    words = words_of(text)
    demand(len(words.split(" ")) == 12, "CHK-008", "there must be twelve words")
    demand(Mnemonic("english").check(words), "CHK-008", "these are not recovery words (a word or the checksum is wrong)")
    return hashlib.pbkdf2_hmac("sha512", words.encode(), b"mnemonic", 2048)[:32]


def root_words(root: bytes) -> str:
    """Ten words by which people compare a root (membership.md)."""
    bits = int.from_bytes(H("root words.", root), "big") >> (256 - 110)
    words = Mnemonic("english").wordlist
    return " ".join(words[bits >> (110 - 11 * (i + 1)) & 2047] for i in range(10))


# --- epochs

class EpochKeys:
    """What K gives, and the public halves of whatever is known. context: journal id (zeros in epoch 0) || epoch."""

    def __init__(self, journal: bytes, epoch: int, read: bytes):
        self.context = (bytes(32) if epoch == 0 else journal) + le(epoch, 8)
        self.read = read
        self.token_hash = H("read token hash.", derive(read, "derive read token", self.context))
        self.body = derive(read, "derive body key", self.context)
        self.notice = derive(read, "derive notice key", self.context)
        self.tags = derive(read, "derive envelope tag key", self.context)


def epoch_context(journal: bytes, epoch: int) -> bytes:
    return (bytes(32) if epoch == 0 else journal) + le(epoch, 8)


def append_secret(journal, epoch, write):
    return derive(write, "derive append secret", epoch_context(journal, epoch))


def append_public(journal, epoch, secret):
    return sign_public(derive(secret, "derive append key", epoch_context(journal, epoch)))


def write_public(journal, epoch, secret):
    return sign_public(derive(secret, "derive write key", epoch_context(journal, epoch)))


def admin_public(journal, epoch, secret):
    return sign_public(derive(secret, "derive admin key", epoch_context(journal, epoch)))
