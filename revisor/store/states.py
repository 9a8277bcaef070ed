"""The state of an aggregate as JSON and back, for aggregate snapshots:
whatever the model keeps in it, to the last field.

Values of the model are written with the name of their class, and only classes listed here are made again. A field has
no name in what is written: a state is read by the same model that wrote it (``model``), or not at all.
"""

import hashlib
import json
from enum import Enum
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from domain_model.checkpoints import Backup, CheckpointForest, CheckpointRecord
from domain_model.graves import Buried, Grave
from domain_model.holds import Hold
from domain_model.libvirt import DomainState
from domain_model.operations import Operation
from domain_model.placements import Images, Placement, Role
from domain_model.presence import Presence, Verification
from domain_model.snapshots import SnapshotForest, SnapshotRecord

_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        *(Backup, Buried, CheckpointForest, CheckpointRecord, DomainState, Grave, Hold, Images, Operation),
        *(Placement, Presence, Role, SnapshotForest, SnapshotRecord, Verification),
    )
}
_CLASS, _CONTENT = "=", "of"
_PLAIN = (str, int, float, bool, type(None))


@cache
def model() -> str:
    """A fingerprint of the code that folds events and keeps what they come to:
    another model may come to another state.
    """
    summary = hashlib.sha256(version("eventsourcing").encode())
    store = files("revisor.store")
    ours = (store.joinpath(f"{name}.py") for name in ("mapper", "repository", "states", "upcasting"))
    for source in (*_sources(files("domain_model")), *ours):
        summary.update(source.read_bytes())
    return summary.hexdigest()


def written(state: dict[str, Any]) -> bytes:
    """The fields of an aggregate as JSON. Raises TypeError for a value of no listed class."""
    return json.dumps(_plain(state), separators=(",", ":")).encode()


def read(state: bytes) -> dict[str, Any]:
    """The fields of an aggregate again. Raises KeyError or TypeError for what this model did not write."""
    told: dict[str, Any] = json.loads(state, object_hook=_made)
    return told


def _plain(value: Any) -> Any:
    cls = type(value)
    if cls in _PLAIN:
        return value
    if cls is list:
        return [_plain(item) for item in value]
    if cls is dict:
        if _CLASS in value:  # it would be taken for one of ours
            return {_CLASS: "dict", _CONTENT: [[key, _plain(item)] for key, item in value.items()]}
        return {key: _plain(item) for key, item in value.items()}
    if _CLASSES.get(cls.__name__) is not cls:
        raise TypeError(f"the state of an aggregate holds a {cls.__name__}, which revisor.store.states does not know")
    return {_CLASS: cls.__name__, _CONTENT: _content(value)}


def _content(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "__dataclass_fields__"):
        return [_plain(getattr(value, name)) for name in value.__dataclass_fields__]
    return [[name, _plain(kept)] for name, kept in vars(value).items()]


def _made(told: dict[str, Any]) -> Any:
    name = told.get(_CLASS)
    if name is None:
        return told
    content = told[_CONTENT]
    if name == "dict":
        return dict(content)
    cls: Any = _CLASSES[name]
    if issubclass(cls, Enum):
        return cls(content)
    if hasattr(cls, "__dataclass_fields__"):
        return cls(*content)
    made = cls.__new__(cls)
    vars(made).update(content)
    return made


def _sources(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _sources(entry)
        elif entry.name.endswith(".py"):
            found.append(entry)
    return found
