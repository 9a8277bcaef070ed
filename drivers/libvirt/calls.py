"""How every verb on a domain is asked: look the domain up, which may be repeated, then ask for the change, once.

So a connection found dead is an unreachable hypervisor, and only one that dies under a change leaves the outcome
unknown.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from drivers.libvirt.connection import Connection

T = TypeVar("T")


class Calls:
    """Calls about the domains behind one URI."""

    def __init__(self, uri: str, silence_s: float) -> None:
        self._connection = Connection(uri, silence_s)
        self._last_handle: Any = None

    def _read_domain(self, uuid: str, ask: Callable[[Any], T]) -> T:
        return self._connection.read(lambda connection: ask(connection.lookupByUUIDString(uuid)))

    def _handle_of(self, uuid: str) -> Any:
        """The domain's handle without asking again, for redefining a whole tree.

        Nobody has answered just before, as ``_act`` makes sure: a wire that was dead already makes the outcome unknown.
        A redefine may be done twice, so that does no harm, and a third of the round trips are saved.
        """
        domain = self._last_handle
        if domain is None or domain.UUIDString() != uuid or not self._connection.carries(domain.connect()):
            domain = self._last_handle = self._read_domain(uuid, lambda found: found)
        return domain

    def _act(self, uuid: str, deed: Callable[[Any], T]) -> T:
        """Do what changes the domain, once; returns what the hypervisor answered."""
        domain = self._read_domain(uuid, lambda domain: domain)
        return self._connection.act(lambda: deed(domain), domain.connect())

    def _act_on_snapshot(self, uuid: str, name: str, deed: Callable[[Any, Any], object]) -> None:
        domain, snapshot = self._read_domain(uuid, lambda domain: (domain, domain.snapshotLookupByName(name)))
        self._connection.act(lambda: deed(domain, snapshot), domain.connect())
