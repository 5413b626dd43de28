"""docs/spec/sealing.md: key derivation, FLOE, HPKE with X-Wing, epochs, account secrets, words, the password file."""

import hashlib
import hmac
import unicodedata

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from encoding import B16, BYTES, U8, U32, Fixed, Refused, Struct, decode, encode, hash_of

SUITE = b"\x01"
SEGMENT = 65_536
SEGMENT_PLAIN = SEGMENT - 32
HEADER = 74
PARAMS = bytes.fromhex("00000001000000000020")


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def labelled(label, context):
    return label.encode() + b"\x00" + context


def expand(key, info, length, digest="sha384"):
    """HKDF-Expand; one block is enough for all that is asked here."""
    assert length <= hashlib.new(digest).digest_size
    return hmac.digest(key, info + b"\x01", digest)[:length]


def derive(secret, label, context):
    return expand(secret, labelled(label, context), 32)


# FLOE


def floe_length(plain):
    """How long a box of so many bytes is."""
    return HEADER + plain + 32 * max(1, -(-plain // SEGMENT_PLAIN))


def floe_open(key, label, context, box):
    """The plaintext, or CHK-002 whatever is wrong."""
    wrong = Refused(2, "a sealed box does not open")
    aad = labelled(label, context)
    if len(box) < HEADER + 32 or box[:10] != PARAMS:
        raise wrong
    iv, tag = box[10:42], box[42:HEADER]

    def kdf(secret, purpose, length):
        return expand(secret, PARAMS + iv + purpose + aad, length)

    if not hmac.compare_digest(kdf(key, b"HEADER_TAG:", 32), tag):
        raise wrong
    message_key = kdf(key, b"MESSAGE_KEY:", 48)
    view, plain, at, i, cipher = memoryview(box), [], HEADER, 0, None
    while True:
        left = len(box) - at
        last = left <= SEGMENT
        size = left if last else SEGMENT
        announced = int.from_bytes(view[at : at + 4], "big")
        if size < 32 or announced != (size if last else 0xFFFF_FFFF):
            raise wrong
        if i & 0xFFFFF == 0:
            cipher = AESGCM(kdf(message_key, b"DEK:" + i.to_bytes(8, "big"), 32))
        nonce = bytes(view[at + 4 : at + 16])
        associated = i.to_bytes(8, "big") + (b"\x01" if last else b"\x00")
        try:
            plain.append(cipher.decrypt(nonce, bytes(view[at + 16 : at + size]), associated))
        except InvalidTag:
            raise wrong from None
        if last:
            return b"".join(plain)
        at, i = at + size, i + 1


# HPKE, mode base, X-Wing


class XWing:
    """A secret key: the 32-byte seed."""

    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self.mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self.x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])

    def public(self):
        return self.mlkem.public_key().public_bytes_raw() + self.x25519.public_key().public_bytes_raw()

    def decapsulate(self, enc):
        ct_m, ct_x = enc[:1088], enc[1088:]
        ss_m = self.mlkem.decapsulate(ct_m)
        ss_x = self.x25519.exchange(X25519PublicKey.from_public_bytes(ct_x))
        pk_x = self.x25519.public_key().public_bytes_raw()
        return hashlib.sha3_256(ss_m + ss_x + ct_x + pk_x + rb"\.//^" + b"\\").digest()


AES_256_GCM = (2, AESGCM)
ENC = 1_120


def hpke_open(key, info, aad, box, aead=AES_256_GCM):
    """RFC 9180, mode base, single shot. `info` as it is; `aead` is another one only in published vectors."""
    suite = b"HPKE" + bytes.fromhex("647a0001") + aead[0].to_bytes(2, "big")

    def extract(salt, label, ikm):
        return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, "sha256")

    def expand_labelled(prk, label, content, length):
        text = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + content
        return expand(prk, text, length, "sha256")

    if len(box) < ENC + 16:
        raise Refused(2, "a wrapped secret does not open")
    try:
        shared = key.decapsulate(box[:ENC])
        context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
        secret = extract(shared, b"secret", b"")
        cipher = aead[1](expand_labelled(secret, b"key", context, 32))
        return cipher.decrypt(expand_labelled(secret, b"base_nonce", context, 12), box[ENC:], aad)
    except (InvalidTag, ValueError):
        raise Refused(2, "a wrapped secret does not open") from None


def unwrap(key, label, context, box):
    return hpke_open(key, labelled(label, context), b"", box)


# Keys


def signing_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


class Epoch:
    """K and, where known, W and A of one epoch of one journal."""

    def __init__(self, journal, epoch, read, write=None, admin=None):
        self.read, self.write, self.admin = read, write, admin
        self.context = (bytes(32) if epoch == 0 else journal) + u64(epoch)

    def key(self, purpose):
        return derive(self.read, f"crannog/1 derive {purpose}", self.context)

    def read_token_hash(self):
        return hash_of("crannog/1 read token hash.", self.key("read token"))

    def write_public(self):
        return signing_public(derive(self.write, "crannog/1 derive write key", self.context))

    def admin_public(self):
        return signing_public(derive(self.admin, "crannog/1 derive admin key", self.context))

    def envelope_tag(self, account, next_epoch):
        return blake3(account + u64(next_epoch), key=self.key("envelope tag key")).digest()[:16]


class AccountGeneration:
    """An account secret, bound to the root that was in force."""

    def __init__(self, secret, root, number):
        self.secret, self.number, self.context = secret, number, root + u32(number)

    def derive(self, purpose):
        return derive(self.secret, f"crannog/1 derive {purpose}", self.context)

    def signing_public(self):
        return signing_public(self.derive("account signing"))

    def kem(self):
        return XWing(self.derive("account kem"))

    def home(self, journal):
        """Home's epoch of this number."""
        secrets = [self.derive(f"home {right}") for right in ("read", "write", "admin")]
        return Epoch(journal, self.number, *secrets)

    def open_previous(self, account, box):
        context = account + u32(self.number)
        key = self.derive("previous generation key")
        return floe_open(key, "crannog/1 seal previous generation", context, box)


class Device:
    def __init__(self, seed, device):
        self.seed, self.device = seed, device

    def signing_seed(self):
        return derive(self.seed, "crannog/1 derive device signing", self.device)

    def kem(self):
        return XWing(derive(self.seed, "crannog/1 derive device kem", self.device))


class Words:
    """Twelve recovery words. Their checksum needs the word list; here the root in the sigchain tells whether they are right."""

    def __init__(self, text):
        words = unicodedata.normalize("NFKD", text).lower().split()
        if len(words) != 12:
            raise ValueError(f"there are {len(words)} recovery words, not 12")
        self.phrase = " ".join(words)
        self.secret = hashlib.pbkdf2_hmac("sha512", self.phrase.encode(), b"mnemonic", 2048)[:32]

    def root_public(self):
        return signing_public(derive(self.secret, "crannog/1 derive root signing", b""))

    def recovery_kem_seed(self):
        return derive(self.secret, "crannog/1 derive recovery kem", b"")


# Password

PASSWORD_FILE = Struct(magic=Fixed(8), version=U8, m_kib=U32, t=U32, p=U32, salt=B16, sealed=BYTES)


def open_password_file(password, data):
    """The key of the local database."""
    file = decode(PASSWORD_FILE, data)
    if file.magic != b"CRANNOGK" or file.version != 1:
        raise Refused(10, "this is no password file of version 1")
    if not (65_536 <= file.m_kib <= 1_048_576 and 3 <= file.t <= 16 and file.p == 1):
        raise Refused(9, "the password file's parameters are out of bounds")
    normal = unicodedata.normalize("NFKD", password).encode()
    argon = Argon2id(salt=file.salt, length=32, iterations=file.t, lanes=file.p, memory_cost=file.m_kib)
    before = encode(PASSWORD_FILE, file)[: 8 + 1 + 12 + 16]
    return floe_open(argon.derive(normal), "crannog/1 seal local key", before, file.sealed)
