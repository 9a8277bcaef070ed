"""What the rules look at: a domain as recorded when somebody asks, or as just observed when its turn has come."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from domain_model.checkpoints import CheckpointForest
from domain_model.errors import OperationInvalid
from domain_model.flags import Affect
from domain_model.libvirt import DomainState
from domain_model.snapshots import SnapshotForest


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule may look at.

    ``snapshots`` and ``checkpoints`` are the names there are; the forests know more of them.
    """

    name: str
    state: DomainState
    active: bool
    persistent: bool
    managed_save: bool
    snapshots: frozenset[str]
    forest: SnapshotForest
    checkpoints: frozenset[str] = frozenset()
    checkpoint_forest: CheckpointForest = field(default_factory=CheckpointForest)
    uuid: str | None = None


Rule = Callable[[Situation, dict[str, Any]], None]


def nothing_more(_now: Situation, _arguments: dict[str, Any]) -> None:
    """For verbs whose rules are not about the state of the domain."""


def must_be_active(now: Situation, _: dict[str, Any]) -> None:
    if not now.active:
        raise OperationInvalid("domain is not running", field="state", value=now.state.words, accepted="running")


def must_be_running(now: Situation, _: dict[str, Any]) -> None:
    """For what a guest has to do itself: one that is paused or asleep cannot hear."""
    if now.state is not DomainState.RUNNING:
        raise OperationInvalid("domain is not running", field="state", value=now.state.words, accepted="running")


def must_be_persistent(now: Situation, sentence: str) -> None:
    if not now.persistent:
        raise OperationInvalid(sentence, field="persistent", value="no", accepted="yes")


def must_be_affected(now: Situation, arguments: dict[str, Any]) -> None:
    """2.3: LIVE needs a running domain, CONFIG a persistent one. The two bits are the same for every verb with them."""
    flags = Affect(arguments["flags"] & (Affect.LIVE | Affect.CONFIG))
    if flags & Affect.LIVE and not now.active:
        raise OperationInvalid("domain is not running", field="live", value=now.state.words, accepted="running")
    if flags & Affect.CONFIG:
        must_be_persistent(now, "transient domains do not have any persistent config")
