"""One exception: something did not verify. It carries the id of checks.md."""


class Refused(Exception):
    def __init__(self, check: str, why: str):
        super().__init__(f"{check}: {why}")
        self.check = check
        self.why = why


def demand(condition, check: str, why: str):
    if not condition:
        raise Refused(check, why)


def shown(text) -> str:
    """A name for the terminal: no control characters (CHK-023)."""
    if isinstance(text, (bytes, bytearray)):
        text = bytes(text).decode("utf-8", "backslashreplace")
    out = []
    for ch in text:
        if ch.isprintable():
            out.append(ch)
        else:
            out.append(ch.encode("unicode_escape").decode("ascii"))
    return "".join(out)
