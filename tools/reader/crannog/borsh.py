"""Borsh (encoding.md): small combinators that decode strictly and encode canonically."""
from .errors import Refused


class Reader:
    __slots__ = ("data", "pos")

    def __init__(self, data: bytes):
        self.data, self.pos = bytes(data), 0

    def take(self, n: int) -> bytes:
        end = self.pos + n
        if end > len(self.data):
            raise Refused("CHK-029", "a length runs past the end")
        piece = self.data[self.pos:end]
        self.pos = end
        return piece


class Int:
    def __init__(self, size, signed=False):
        self.size, self.signed = size, signed

    def dec(self, r):
        return int.from_bytes(r.take(self.size), "little", signed=self.signed)

    def enc(self, v):
        return v.to_bytes(self.size, "little", signed=self.signed)


u8, u16, u32, u64, i64 = Int(1), Int(2), Int(4), Int(8), Int(8, True)


class Fixed:
    def __init__(self, n):
        self.n = n

    def dec(self, r):
        return r.take(self.n)

    def enc(self, v):
        if len(v) != self.n:
            raise ValueError("wrong length")
        return bytes(v)


class _Bytes:
    def dec(self, r):
        return r.take(u32.dec(r))

    def enc(self, v):
        return u32.enc(len(v)) + bytes(v)


class _Str:
    def dec(self, r):
        try:
            return r.take(u32.dec(r)).decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise Refused("CHK-029", "a string is not UTF-8") from None

    def enc(self, v):
        return Bytes.enc(v.encode("utf-8"))


Bytes, Str = _Bytes(), _Str()


class Vec:
    def __init__(self, item):
        self.item = item

    def dec(self, r):
        n = u32.dec(r)
        if n > len(r.data) - r.pos:  # every item has at least one byte
            raise Refused("CHK-029", "a count runs past the end")
        return [self.item.dec(r) for _ in range(n)]

    def enc(self, v):
        return u32.enc(len(v)) + b"".join(self.item.enc(x) for x in v)


class SetOf(Vec):
    """Vec in strictly ascending byte order."""

    def dec(self, r):
        v = super().dec(r)
        if any(a >= b for a, b in zip(v, v[1:])):
            raise Refused("CHK-029", "a set is not strictly ascending")
        return v


class Option:
    def __init__(self, item):
        self.item = item

    def dec(self, r):
        flag = r.take(1)[0]
        if flag > 1:
            raise Refused("CHK-029", "an option's byte is neither 0 nor 1")
        return self.item.dec(r) if flag else None

    def enc(self, v):
        return b"\0" if v is None else b"\1" + self.item.enc(v)


class _Bool:
    def dec(self, r):
        flag = r.take(1)[0]
        if flag > 1:
            raise Refused("CHK-029", "a bool's byte is neither 0 nor 1")
        return flag == 1

    def enc(self, v):
        return b"\1" if v else b"\0"


Bool = _Bool()


class Value:
    """A decoded struct, or one variant of an enum (then `tag` is its name)."""

    def __init__(self, tag=None, **fields):
        self.tag = tag
        self.__dict__.update(fields)

    def __eq__(self, other):
        return isinstance(other, Value) and self.__dict__ == other.__dict__

    def __repr__(self):
        inner = ", ".join(f"{k}={v.hex() if isinstance(v, bytes) else repr(v)}"
                          for k, v in self.__dict__.items() if k != "tag")
        return f"{self.tag or ''}({inner})"


class Struct:
    def __init__(self, **fields):
        self.fields = list(fields.items())

    def dec(self, r, tag=None):
        v = Value(tag)
        for name, codec in self.fields:
            v.__dict__[name] = codec.dec(r)
        return v

    def enc(self, v):
        return b"".join(codec.enc(getattr(v, name)) for name, codec in self.fields)


class Enum:
    """Variants by number: (name, Struct)."""

    def __init__(self, *variants):
        self.variants = variants
        self.numbers = {name: i for i, (name, _) in enumerate(variants)}

    def dec(self, r):
        n = r.take(1)[0]
        if n >= len(self.variants):
            raise Refused("CHK-029", "an unknown variant")
        name, body = self.variants[n]
        return body.dec(r, name)

    def enc(self, v):
        n = self.numbers[v.tag]
        return bytes([n]) + self.variants[n][1].enc(v)


def decode(codec, data: bytes):
    r = Reader(data)
    v = codec.dec(r)
    if r.pos != len(r.data):
        raise Refused("CHK-029", "bytes are left over")
    return v
