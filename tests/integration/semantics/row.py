"""What a row is, and the steps rows are told in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.semantics.world import Answer, World

Step = Callable[[World], Answer]


@dataclass(frozen=True)
class Row:
    """One rule: after ``given``, ``ask`` is answered with ``number``, None for done; then ``so`` holds."""

    id: str
    says: str
    ask: Step
    number: int | None = None
    given: Sequence[Step] = ()
    so: Callable[[World], bool] | None = None

    def tried_in(self, world: World) -> None:
        for step in self.given:
            answer = step(world)
            assert answer.number is None, f"{self.id}: the way there was refused: {answer}"
        answer = self.ask(world)
        assert answer.number == self.number, f"{self.id}: {self.says}: {answer}"
        if self.so is not None:
            assert self.so(world), f"{self.id}: {self.says}: {world.parents}, current {world.current}, {world.domain}"


def act(verb: str, **arguments: Any) -> Step:
    return lambda world: world.act(verb, **arguments)


def define(**how: Any) -> Step:
    return lambda world: world.define(**how)


def create(**how: Any) -> Step:
    return lambda world: world.create(**how)


def snapshot(name: str, **arguments: Any) -> Step:
    """Take a snapshot of this name; ``disks`` and ``memory`` are pieces of XML."""
    pieces = [arguments.pop(key, "") for key in ("memory", "disks")]

    def take(world: World) -> Answer:
        body = "".join(piece.replace("FOLDER", str(world.folder)).replace("NAME", world.name) for piece in pieces)
        xml = f"<domainsnapshot><name>{name}</name>{body}</domainsnapshot>"
        return world.act("snapshot-create", xml=xml, **arguments)

    return take


def redefine(of: str, *changes: tuple[str, str], **flags: Any) -> Step:
    """Redefine a snapshot from its dump, with pieces of it replaced."""

    def do(world: World) -> Answer:
        text = world.dump(of)
        for before, after in changes:
            assert before in text, f"{before!r} is not in {text}"
            text = text.replace(before, after)
        return world.act("snapshot-create", xml=text, redefine=True, **flags)

    return do


def revert(name: str, **flags: Any) -> Step:
    return act("snapshot-revert", name=name, **flags)


def delete(name: str, **flags: Any) -> Step:
    return act("snapshot-delete", name=name, **flags)


def tree(**parents: str | None) -> Callable[[World], bool]:
    return lambda world: world.parents == parents


def state(words: str, reason: str | None = None) -> Callable[[World], bool]:
    return lambda world: world.domain["state"] == words and reason in (None, world.domain["reason"])


START = act("start")
DEFINED = (define(),)
RUNNING = (define(), START)
