"""Numbers and sizes as virsh reads them on the command line."""

import re

from revisor.cli.verb import BadValue

_NUMBER = re.compile(r"\s*\+?([0-9]+)", re.ASCII)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_BYTES = ("b", "byte", "bytes")
_SIZE = "a whole number, then nothing or b, k, KiB, KB, M, MiB, MB, G, ... (without one: KiB)"


def whole(name: str, text: str, below: int = 2**32) -> int:
    """A whole number, not negative. Raises BadValue."""
    match = _NUMBER.fullmatch(text)
    if match is None or int(match.group(1)) >= below:
        raise BadValue(
            f"Numeric value '{text}' for <{name}> option is malformed or out of range",
            field=name,
            value=text,
            accepted=f"a whole number from 0 to {below - 1}",
        )
    return int(match.group(1))


def size_bytes(name: str, text: str) -> int:
    """A size in bytes; without a unit the number is of KiB. Raises BadValue."""
    match = _NUMBER.match(text)
    factor = None if match is None else _factor(text[match.end() :])
    if match is None or factor is None or int(match.group(1)) * factor >= 2**64:
        raise BadValue(
            f"Scaled numeric value '{text}' for <{name}> option is malformed or out of range",
            field=name,
            value=text,
            accepted=_SIZE,
        )
    return int(match.group(1)) * factor


def size_kib(name: str, text: str) -> int:
    """A size in KiB, rounded up. Raises BadValue."""
    return -(-size_bytes(name, text) // 1024)


def _factor(unit: str) -> int | None:
    """How many bytes a unit is: KB a thousand, K and KiB 1024; None if it is no unit."""
    word = unit.lower()
    if not word:
        return 1024
    if word in _BYTES:
        return 1
    power = _POWERS.get(word[0])
    if power is None or word[1:] not in ("", "b", "ib"):
        return None
    factor: int = (1000 if word[1:] == "b" else 1024) ** power
    return factor
