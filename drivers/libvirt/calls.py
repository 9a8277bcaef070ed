"""How every verb on a domain is asked: look the domain up, which may be repeated, then ask for the change, once.

So a connection found dead is an unreachable hypervisor, and only one that dies under a change leaves the outcome
unknown. Both go over one connection, which is nobody else's meanwhile.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from drivers.libvirt.connection import Connections

T = TypeVar("T")


class Calls:
    """Calls about the domains behind one URI."""

    def __init__(self, uri: str, silence_s: float) -> None:
        self._connections = Connections(uri, silence_s)

    def _read(self, ask: Callable[[Any], T]) -> T:
        with self._connections.one() as connection:
            return connection.read(ask)

    def _read_domain(self, uuid: str, ask: Callable[[Any], T]) -> T:
        return self._read(lambda connection: ask(connection.lookupByUUIDString(uuid)))

    def _act(self, uuid: str, deed: Callable[[Any], T]) -> T:
        """Do what changes the domain, once; returns what the hypervisor answered."""
        return self._act_on(uuid, lambda domain: domain, deed)

    def _act_again(self, uuid: str, deed: Callable[[Any], T]) -> T:
        """As ``_act`` without asking who it is about each time, for redefining a whole tree.

        Nobody has answered just before: a wire that was dead already makes the outcome unknown. A redefine may be done
        twice, so that does no harm, and a third of the round trips are saved.
        """
        with self._connections.one() as connection:
            domain = connection.handle_of(uuid)
            return connection.act(lambda: deed(domain))

    def _act_on(self, uuid: str, find: Callable[[Any], Any], deed: Callable[[Any], T]) -> T:
        """Do what changes something that is found of the domain, once."""
        with self._connections.one() as connection:
            found = connection.read(lambda connected: find(connected.lookupByUUIDString(uuid)))
            return connection.act(lambda: deed(found))

    def _act_on_host(self, deed: Callable[[Any], T]) -> T:
        """Do what changes the host, once; it has answered just before."""
        with self._connections.one() as connection:
            found = connection.answering()
            return connection.act(lambda: deed(found))
