"""docs/spec/encoding.md: Borsh, hashes, signatures; Padmé and the lengths of bodies (docs/spec/journal.md, Body).

A type is an object with `read(reader)` and `write(value)`. Structs become `Record`s, enum values `Variant`s.
"""

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MIB = 1 << 20


class Refused(Exception):
    """A check of docs/spec/checks.md failed: what was read cannot be trusted."""

    def __init__(self, check, what):
        super().__init__(f"{what} (CHK-{check:03})")
        self.check = f"CHK-{check:03}"


class Reader:
    """Bytes from the beginning to the end, and never past it."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        end = self.at + count
        if end > len(self.data):
            raise Refused(29, "a structure ends too early")
        part = self.data[self.at : end]
        self.at = end
        return part


class Record:
    """A struct's fields."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __eq__(self, other):
        return isinstance(other, Record) and self.__dict__ == other.__dict__

    def __repr__(self):
        return f"Record({self.__dict__})"


class Variant:
    """An enum's value: the variant's name and what it holds (None, a value or a Record)."""

    def __init__(self, name, value=None):
        self.name, self.value = name, value

    def __eq__(self, other):
        return isinstance(other, Variant) and (self.name, self.value) == (other.name, other.value)

    def __repr__(self):
        return f"Variant({self.name}, {self.value})"


class Int:
    def __init__(self, size, signed=False):
        self.size, self.signed = size, signed

    def read(self, reader):
        return int.from_bytes(reader.take(self.size), "little", signed=self.signed)

    def write(self, value):
        return value.to_bytes(self.size, "little", signed=self.signed)


U8, U16, U32, U64, I64 = Int(1), Int(2), Int(4), Int(8), Int(8, signed=True)


class Fixed:
    """[n]: bytes without prefix."""

    def __init__(self, size):
        self.size = size

    def read(self, reader):
        return reader.take(self.size)

    def write(self, value):
        assert len(value) == self.size
        return value


B16, B32, B64 = Fixed(16), Fixed(32), Fixed(64)


class _Bytes:
    """Vec<u8>."""

    def read(self, reader):
        return reader.take(U32.read(reader))

    def write(self, value):
        return U32.write(len(value)) + value


class _String:
    def read(self, reader):
        try:
            return BYTES.read(reader).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(29, "a string is not UTF-8") from None

    def write(self, value):
        return BYTES.write(value.encode("utf-8"))


BYTES, STRING = _Bytes(), _String()


class Vec:
    def __init__(self, item):
        self.item = item

    def read(self, reader):
        count = U32.read(reader)
        # Nothing here encodes to no bytes at all, so a count past the end shows before anything is held.
        if count > len(reader.data) - reader.at:
            raise Refused(29, "a list is longer than its bytes")
        return [self.item.read(reader) for _ in range(count)]

    def write(self, value):
        return U32.write(len(value)) + b"".join(map(self.item.write, value))


class Set(Vec):
    """Strictly ascending by encoded bytes."""

    def read(self, reader):
        value = super().read(reader)
        encoded = [self.item.write(item) for item in value]
        if any(a >= b for a, b in zip(encoded, encoded[1:])):
            raise Refused(29, "a set is not in strictly ascending order")
        return value


class Option:
    def __init__(self, item):
        self.item = item

    def read(self, reader):
        flag = U8.read(reader)
        if flag > 1:
            raise Refused(29, "an option is neither 0 nor 1")
        return self.item.read(reader) if flag else None

    def write(self, value):
        return b"\x00" if value is None else b"\x01" + self.item.write(value)


class Struct:
    def __init__(self, **fields):
        self.fields = fields

    def read(self, reader):
        return Record(**{name: kind.read(reader) for name, kind in self.fields.items()})

    def write(self, value):
        return b"".join(kind.write(getattr(value, name)) for name, kind in self.fields.items())


class Enum:
    """Variants in the order of their numbers; None for one that holds nothing."""

    def __init__(self, **variants):
        self.variants = list(variants.items())

    def read(self, reader):
        number = U8.read(reader)
        if number >= len(self.variants):
            raise Refused(29, f"an enum has the unknown variant {number}")
        name, kind = self.variants[number]
        return Variant(name, kind.read(reader) if kind else None)

    def write(self, value):
        for number, (name, kind) in enumerate(self.variants):
            if name == value.name:
                return U8.write(number) + (kind.write(value.value) if kind else b"")
        raise AssertionError(value.name)


def decode(kind, data):
    """One value, and nothing after it."""
    reader = Reader(bytes(data))
    value = kind.read(reader)
    if reader.at != len(reader.data):
        raise Refused(29, "bytes follow the end of a structure")
    return value


def encode(kind, value):
    return kind.write(value)


def hash_of(label, data):
    """H(label, data)."""
    return blake3(data, derive_key_context=label).digest()


def blob_id(data):
    return blake3(data).digest()


def signature_holds(key, label, data, signature):
    """Whether `signature` is Sign(key, label, data)."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, label.encode() + b"\x00" + data)
    except (InvalidSignature, ValueError):
        return False
    return True


def padme(length):
    """The next length that Padmé allows."""
    if length < 2:
        return length
    e = length.bit_length() - 1
    s = e.bit_length()
    step = 1 << (e - s)
    return (length + step - 1) // step * step


def body_length(length):
    """The next length that an encoded Signed may have."""
    length = max(1024, length)
    return 1 << (length - 1).bit_length() if length <= 65536 else padme(length)
