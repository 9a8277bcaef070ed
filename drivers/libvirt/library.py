"""The library itself: found when it is first needed, silenced, and its one event loop kept turning.

libvirt-python compiles against libvirt's headers, so it is an optional extra and may be absent. Its error handler and
its event loop belong to the process, not to a connection; both are set up once, before the first connection is made,
because a connection made earlier would have neither events nor keepalive.
"""

import importlib
import logging
import threading
from typing import Any

from domain_model.errors import OperationUnsupported

_log = logging.getLogger(__name__)
_setup = threading.Lock()
_ready: list[Any] = []


def library() -> Any:
    """libvirt-python, with its event loop turning in a daemon thread.

    Raises OperationUnsupported if it is not there.
    """
    with _setup:
        if not _ready:
            _ready.append(_prepare())
        return _ready[0]


def _prepare() -> Any:
    try:
        libvirt = importlib.import_module("libvirt")
    except ImportError as error:
        raise OperationUnsupported(
            "libvirt-python is not installed; install revisor[libvirt] to reach libvirt hosts"
        ) from error
    # Without a handler of ours libvirt prints each error to stderr, also those that are answers, such as "no domain".
    libvirt.registerErrorHandler(_ignore, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_turn, args=(libvirt,), name="libvirt-events", daemon=True).start()
    return libvirt


def _ignore(_context: object, _error: object) -> None:
    """Every error also arrives as an exception."""


def _turn(libvirt: Any) -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            _log.exception("libvirt's event loop stumbled and goes on")
