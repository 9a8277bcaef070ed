"""What a verb's flags and arguments are, whatever the verb: how they are given, checked and counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from typing import Any

from domain_model.errors import InvalidArgument, InvalidFlags
from domain_model.flags import flag_name


class Kind(StrEnum):
    """What an argument is, in JSON."""

    TEXT = "text"
    NAME = "name"
    """A text that is never empty."""
    PATH = "path"
    """An absolute path on the domain's host."""
    XML = "xml"
    """A document: kept with its secrets taken out, and named by its digest in the log."""
    SWITCH = "switch"
    COUNT = "count"
    """A whole number, not negative."""
    COUNTS = "counts"
    TEXTS = "texts"
    DOCUMENTS = "documents"
    """Several documents."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb; ``words`` say to people what it is for."""

    kind: Kind
    words: str
    required: bool = True
    below: int = 2**63
    """Of a COUNT. What does not fit libvirt's type makes libvirt-python raise OverflowError, or is silently cut off."""

    def check(self, name: str, value: Any) -> None:
        """Refuse (8) a value of another kind, without repeating a document."""
        match self.kind:
            case Kind.COUNT:
                fits = _is_count(value, self.below)
            case Kind.COUNTS:
                fits = isinstance(value, list) and all(_is_count(each, 2**32) for each in value)
            case Kind.SWITCH:
                fits = isinstance(value, bool)
            case Kind.TEXTS | Kind.DOCUMENTS:
                fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
            case Kind.NAME:
                fits = isinstance(value, str) and value != ""
            case Kind.PATH:
                fits = isinstance(value, str) and value.startswith("/")
            case _:
                fits = isinstance(value, str)
        if not fits:
            secret = self.kind in (Kind.XML, Kind.DOCUMENTS)
            upto = f" to {self.below - 1}" if self.kind is Kind.COUNT else ""
            raise InvalidArgument(
                f"{name} is no {_WORDS[self.kind]}{upto}",
                field=name,
                value=None if secret else str(value),
                accepted=self.words,
            )


@dataclass(frozen=True, slots=True)
class Spec:
    """One verb. ``excludes`` and ``requires`` are pairs of flags: not both, and (needed, by)."""

    flags: Mapping[str, IntFlag] = field(default_factory=dict)
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    excludes: tuple[tuple[IntFlag, IntFlag], ...] = ()
    requires: tuple[tuple[IntFlag, IntFlag], ...] = ()

    def number(self, given: Mapping[str, Any]) -> int:
        """The flags that are given, as libvirt counts them. Raises InvalidFlags (8)."""
        number = 0
        for name, flag in self.flags.items():
            if given.get(name):
                number |= int(flag)
        for one, other in self.excludes:
            exclusive_flags(number, one, other)
        for needed, by in self.requires:
            required_flag(number, needed, by=by)
        return number


def _is_count(value: Any, below: int) -> bool:
    """Whether it is a whole number in bounds; True and False are none, though Python counts with them."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < below


def exclusive_flags(number: int, one: IntFlag, other: IntFlag) -> None:
    """Refuse (8) two flags that exclude one another."""
    if number & one and number & other:
        raise InvalidFlags(
            f"Flags '{flag_name(one)}' and '{flag_name(other)}' are mutually exclusive",
            field="flags",
            value=f"{one.name}, {other.name}",
            accepted=f"{one.name} or {other.name}",
        )


def required_flag(number: int, needed: IntFlag, *, by: IntFlag) -> None:
    """Refuse (8) a flag without the one it needs."""
    if number & by and not number & needed:
        raise InvalidFlags(
            f"Flag '{flag_name(needed)}' is required by flag '{flag_name(by)}'",
            field="flags",
            value=by.name,
            accepted=f"{needed.name}, {by.name}",
        )


_WORDS = {
    Kind.TEXT: "text",
    Kind.NAME: "name",
    Kind.PATH: "absolute path",
    Kind.XML: "document",
    Kind.SWITCH: "boolean",
    Kind.COUNT: "whole number from 0",
    Kind.COUNTS: "list of whole numbers",
    Kind.TEXTS: "list of texts",
    Kind.DOCUMENTS: "list of documents",
}
