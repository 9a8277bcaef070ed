"""Writing the XML of a device from options, laid out as virsh does. A value may hold any character."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_QUOTES = {"'": "&apos;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


@dataclass
class Element:
    """An element: attributes that are None are left out, and so is what is inside."""

    name: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    inside: Sequence["Element | None"] = ()
    text: str | None = None
    optional: bool = False
    """Left out where it would say nothing."""

    @property
    def empty(self) -> bool:
        """Whether nothing is said by it but its name."""
        said = any(value is not None for value in self.attributes.values())
        return not said and self.text is None and not self._children()

    def _children(self) -> list["Element"]:
        return [each for each in self.inside if each is not None and not (each.optional and each.empty)]

    def lines(self, indent: str = "") -> list[str]:
        given = {name: value for name, value in self.attributes.items() if value is not None}
        start = f"{indent}<{self.name}" + "".join(
            f" {name}='{escape(value, _QUOTES)}'" for name, value in given.items()
        )
        children = self._children()
        if self.text is not None:
            return [f"{start}>{escape(self.text)}</{self.name}>"]
        if not children:
            return [f"{start}/>"]
        below = [line for each in children for line in each.lines(f"{indent}  ")]
        return [f"{start}>", *below, f"{indent}</{self.name}>"]

    def __str__(self) -> str:
        return "\n".join([*self.lines(), ""])


def optional(name: str, inside: Sequence[Element | None] = (), /, **attributes: str | None) -> Element:
    """An element that is left out where nothing is said."""
    return Element(name, attributes, inside, optional=True)
