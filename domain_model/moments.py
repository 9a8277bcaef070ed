"""What snapshots and checkpoints have in common: a forest of a domain's *moments*, as libvirt's own sources call both.

The rules for parents, children and the current one are the same for both (libvirt-semantics 1.3, 1.5 and 1.8). A moment
has an immutable id besides its name, because a name may be used again.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from domain_model.errors import InvalidArgument, Refused


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment as recorded; ``parent`` is an id."""

    id: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting would do: who goes, whose parent becomes whom, and which one is current afterwards."""

    removed: tuple[str, ...]
    reparented: dict[str, str | None]
    current: str | None


AnyMoment = TypeVar("AnyMoment", bound=Moment)


class MomentForest(Generic[AnyMoment]):
    """Moments by id, their parents, and at most one current one. Asking changes nothing."""

    kind: ClassVar[str]
    """libvirt's word for these moments."""
    absent: ClassVar[type[Refused]]
    """The refusal when there is none of a name."""

    def __init__(self) -> None:
        self._by_id: dict[str, AnyMoment] = {}
        self._by_name: dict[str, str] = {}
        self.current: str | None = None
        """The id of the current one."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[AnyMoment]:
        return iter(self._by_id.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def get(self, name: str) -> AnyMoment | None:
        """The one of that name, or None."""
        found = self._by_name.get(name)
        return None if found is None else self._by_id[found]

    def named(self, name: str) -> AnyMoment:
        """The one of that name; raises NoSnapshot (72) or NoCheckpoint (103) when there is none."""
        found = self.get(name)
        if found is None:
            raise self.absent(f"no domain {self.kind} with matching name '{name}'", field=self.kind, value=name)
        return found

    def by_id(self, moment: str) -> AnyMoment:
        return self._by_id[moment]

    def find(self, moment: str) -> AnyMoment | None:
        return self._by_id.get(moment)

    def parent_name(self, moment: AnyMoment) -> str | None:
        return None if moment.parent is None else self._by_id[moment.parent].name

    def descendants_of(self, moment: str) -> list[AnyMoment]:
        """All below, parents before their children."""
        children = self._children()
        found: list[AnyMoment] = []
        waiting = list(children.get(moment, ()))
        while waiting:
            record = waiting.pop()
            found.append(record)
            waiting.extend(children.get(record.id, ()))
        return found

    def parents_first(self) -> list[AnyMoment]:
        """All in an order in which they can be redefined: roots first, then generation by generation."""
        children = self._children()
        generation = children.get(None, [])
        ordered: list[AnyMoment] = []
        while generation:
            ordered.extend(generation)
            generation = [child for record in generation for child in children.get(record.id, ())]
        return ordered

    def _children(self) -> dict[str | None, list[AnyMoment]]:
        children: dict[str | None, list[AnyMoment]] = {}
        for record in self:
            children.setdefault(record.parent, []).append(record)
        return children

    def check_parent(self, name: str, parent: str | None) -> None:
        """Refuse (8) a parent that ``name`` cannot have: itself, one that does not exist, or one below it."""
        accepted = f"the name of a recorded {self.kind} of this domain"
        check_parent(name, parent, there=self, above=self._names_up(parent), accepted=accepted)

    def _names_up(self, name: str | None) -> Iterator[str]:
        """The one of that name and all above it, nearest first."""
        record = None if name is None else self.get(name)
        while record is not None:
            yield record.name
            record = None if record.parent is None else self._by_id[record.parent]

    def deletion_of(self, name: str, *, children: bool = False, children_only: bool = False) -> Deletion:
        """What deleting ``name`` would do to the forest (libvirt-semantics 1.5); raises as ``named``."""
        target = self.named(name)
        below = [record.id for record in self.descendants_of(target.id)]
        if children_only:
            removed = tuple(below)
        elif children:
            removed = (target.id, *below)
        else:
            removed = (target.id,)
        return self.removal_of(removed)

    def removal_of(self, removed: Iterable[str]) -> Deletion:
        """What becomes of the others when these ids are gone: the nearest surviving ancestor inherits."""
        gone = tuple(removed)
        gone_set = set(gone)
        reparented = {
            record.id: self._survivor(record.parent, gone_set)
            for record in self
            if record.id not in gone_set and record.parent in gone_set
        }
        return Deletion(gone, reparented, self._survivor(self.current, gone_set))

    def _survivor(self, moment: str | None, gone: set[str]) -> str | None:
        while moment is not None and moment in gone:
            moment = self._by_id[moment].parent
        return moment

    def _keep(self, record: AnyMoment) -> None:
        self._by_id[record.id] = record
        self._by_name[record.name] = record.id

    def _drop(self, record: AnyMoment) -> None:
        self._by_id.pop(record.id, None)
        if self._by_name.get(record.name) == record.id:
            del self._by_name[record.name]


def check_parent(name: str, parent: str | None, *, there: Container[str], above: Iterable[str], accepted: str) -> None:
    """Refuse (8) a parent for ``name`` that is itself, is not ``there``, or has it among those ``above``."""
    if parent is None:
        return
    if parent == name:
        raise InvalidArgument(f"cannot set moment {name} as its own parent", field="parent", value=parent)
    if parent not in there:
        raise InvalidArgument(
            f"parent {parent} for moment {name} not found", field="parent", value=parent, accepted=accepted
        )
    if name in above:
        raise InvalidArgument(f"parent {parent} would create cycle to {name}", field="parent", value=parent)
