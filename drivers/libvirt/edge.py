"""The edge: libvirt's errors become ours here and nowhere else.

libvirt has one kind of error for "no" and for "I lost the other side"; which of the two it was decides whether it is
safe to ask again. The answer depends on what was asked, so a caller says whether it was ``reading`` or ``acting``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from domain_model.errors import HypervisorUnreachable, InvalidArgument, OutcomeUnknown, Refused, refusal

# From virterror.h: where an error comes from, and the numbers by which a client reports a broken connection itself.
_FROM_RPC = 7
_FROM_REMOTE = 13
_INTERNAL_ERROR = 1
_SYSTEM_ERROR = 38
_RPC = 39
_CLIENT_SIDE = {
    (_FROM_RPC, _INTERNAL_ERROR),  # "client socket is closed", "connection closed due to keepalive timeout"
    (_FROM_RPC, _SYSTEM_ERROR),  # "Cannot write data: Broken pipe"
    (_FROM_RPC, _RPC),
    (_FROM_REMOTE, _SYSTEM_ERROR),
    (_FROM_REMOTE, _RPC),
}


@contextmanager
def opening(libvirt: Any) -> Iterator[None]:
    """Make a connection.

    Raises HypervisorUnreachable if nobody answered, Refused if the answer was no (a URI, a login).
    """
    try:
        yield
    except libvirt.libvirtError as error:
        if (error.get_error_domain(), error.get_error_code()) in _CLIENT_SIDE:
            raise HypervisorUnreachable(_sentence(error)) from error
        raise refused(error) from error


@contextmanager
def reading(libvirt: Any, connection: Any) -> Iterator[None]:
    """Ask without changing anything. Raises Refused, or HypervisorUnreachable when the connection was lost."""
    try:
        yield
    except libvirt.libvirtError as error:
        if lost(libvirt, error, connection):
            raise HypervisorUnreachable(_sentence(error)) from error
        raise refused(error) from error


@contextmanager
def acting(libvirt: Any, connection: Any) -> Iterator[None]:
    """Ask for a change. Raises Refused, or OutcomeUnknown when the connection was lost: it may have happened."""
    try:
        yield
    except libvirt.libvirtError as error:
        if lost(libvirt, error, connection):
            raise OutcomeUnknown(f"the connection was lost before the answer came: {_sentence(error)}") from error
        raise refused(error) from error
    except OverflowError as error:
        # The binding says so before it asks anybody.
        raise InvalidArgument(f"a number is too large for libvirt: {error}") from error


def refused(error: Any) -> Refused:
    """The hypervisor's own answer: its number, and its sentence to the letter."""
    return refusal(error.get_error_code() or _INTERNAL_ERROR, _sentence(error))


def lost(libvirt: Any, error: Any, connection: Any) -> bool:
    """Whether ``error`` says that the connection broke, rather than what the hypervisor answered.

    Number 38 alone does not tell: a hypervisor also uses it for a missing image file.
    """
    return not alive(libvirt, connection) or (error.get_error_domain(), error.get_error_code()) in _CLIENT_SIDE


def alive(libvirt: Any, connection: Any) -> bool:
    """Whether the connection was still open when last heard of. Asks nobody."""
    try:
        return bool(connection.isAlive() == 1)
    except libvirt.libvirtError:
        return False


def _sentence(error: Any) -> str:
    return (error.get_error_message() or str(error)).strip()
