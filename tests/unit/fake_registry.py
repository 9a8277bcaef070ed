"""A hand-written stand-in for the registry of hosts behind the doors."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from revisor.store.context import Context

Item = dict[str, Any]

DISABLED = {"at": "2026-11-28T10:00:00Z", "actor": "uid:0(root)", "reason": "new memory"}
HOST: Item = {
    "id": "h-1",
    "name": "alpha",
    "uri": "simulator:///alpha",
    "driver": "Simulator",
    "host_uuid": "u-1",
    "hostname": "alpha.example.org",
    "state": "connected",
    "problem": None,
    "disabled": None,
    "operations": 4,
    "adopt": "none",
}


class FakeRegistry:
    """Notes what it is asked, and keeps the hosts that are added."""

    def __init__(self, note: Callable[..., None], known_hosts: Callable[[], list[Item]]) -> None:
        self._note = note
        self._known = known_hosts

    def add(self, name: str, uri: str, context: Context, adopt: str | None = None) -> Item:
        self._note(context, "add_host", name, uri, *([] if adopt is None else [adopt]))
        host = {"id": str(uuid4()), "name": name, "uri": uri, "state": "waiting", "hostname": None}
        there = any((known["name"], known["uri"]) == (name, uri) for known in self._known())
        self._known().append(host)
        return {**host, "added": not there}

    def set_uri(self, name: str, uri: str, context: Context) -> Item:
        self._note(context, "set_uri", name, uri)
        return {"name": name, "uri": uri}

    def disable(self, name: str, context: Context) -> Item:
        self._note(context, "disable", name)
        return {**HOST, "disabled": DISABLED}

    def enable(self, name: str, context: Context) -> Item:
        self._note(context, "enable", name)
        return HOST

    def limit(self, name: str, operations: int, context: Context) -> Item:
        self._note(context, "limit", name, operations)
        return {**HOST, "operations": operations}

    def set_adoption(self, name: str, adopt: str, context: Context) -> Item:
        self._note(context, "set_adoption", name, adopt)
        return {**HOST, "adopt": adopt}

    def remove(self, name: str, context: Context) -> None:
        self._note(context, "remove_host", name)
