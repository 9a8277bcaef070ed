"""One call, as both sides are given it: a verb, a domain's name and named arguments, with nothing of either side in it.

Documents and files are described, and each side puts in its own: from the folder its files are in, from the dump of its
own that a snapshot is redefined from.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """``verb`` of the domain that bears the name ``domain``."""

    verb: str
    domain: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = " ".join(_shown(name, value) for name, value in self.arguments.items() if value not in (False, None))
        return f"{self.verb} {self.domain} {said}".rstrip()

    def has(self, name: str) -> bool:
        """Whether this is given and neither false nor empty."""
        return bool(self.arguments.get(name))

    def without(self, *names: str) -> "Call":
        """The same call with these arguments left out."""
        return Call(self.verb, self.domain, left_out(self.arguments, *names))


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: ``number`` is libvirt's of the error, None when it succeeded."""

    number: int | None
    sentence: str = ""

    def __str__(self) -> str:
        return "done" if self.number is None else f"[{self.number}] {self.sentence}"


def left_out(arguments: dict[str, Any], *names: str) -> dict[str, Any]:
    """The arguments but these."""
    return {name: value for name, value in arguments.items() if name not in names}


def _shown(name: str, value: Any) -> str:
    return f"--{name.replace('_', '-')}" if value is True else f"{name}={value!r}"
