"""The registry of hosts, as tests of HTTP need it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from revisor.store.context import Context

Item = dict[str, Any]


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

    def remove(self, name: str, context: Context) -> None:
        self._note(context, "remove_host", name)
