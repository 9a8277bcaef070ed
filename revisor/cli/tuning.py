"""The verbs that change how much a domain has: memory, processors, the size of a disk; as virsh has them."""

import click

from revisor.cli import output
from revisor.cli.affecting import affected, affecting
from revisor.cli.amounts import size_bytes, size_kib, whole
from revisor.cli.asking import Ending, act, silent
from revisor.cli.verb import DOMAIN, Asked, Word, exclusive, flag, required, verb
from revisor.client import Operation

_SIZE = Word("size", "SIZE")


@verb("setmem", DOMAIN, _SIZE, options=affecting())
def setmem(asked: Asked, *, domain: str, size: str, **given: bool) -> int:
    """Change the memory a domain has. SIZE is in KiB unless it has another unit (2G, 512MiB, 500MB, ...)."""
    return act(asked, domain, "setmem", {**affected(given), "size_kib": size_kib("size", size)}, Ending(silent))


@verb("setmaxmem", DOMAIN, _SIZE, options=affecting())
def setmaxmem(asked: Asked, *, domain: str, size: str, **given: bool) -> int:
    """Change the most memory a domain may have. SIZE is in KiB unless it has another unit (2G, 512MiB, ...)."""
    arguments = {**affected(given), "size_kib": size_kib("size", size)}
    return act(asked, domain, "setmaxmem", arguments, Ending(silent, "Unable to change MaxMemorySize"))


@verb(
    "setvcpus",
    DOMAIN,
    Word("count", "COUNT"),
    options=[
        flag("maximum", "With --config: the most it may have."),
        *affecting(),
        flag("guest", "Have the guest's agent use so many of those there are."),
        flag("hotpluggable", "Those that are added can be taken away again."),
    ],
)
def setvcpus(asked: Asked, *, domain: str, count: str, **given: bool) -> int:
    """Change the number of virtual CPUs."""
    flags = affected(given)
    exclusive(given, ("guest", "config"))
    required(given, "config", by="maximum")
    number = whole("count", count)
    if number == 0:
        raise click.UsageError("Can't set 0 processors for a VM")
    more = {name: given[name] for name in ("maximum", "guest", "hotpluggable")}
    return act(asked, domain, "setvcpus", {**flags, **more, "count": number}, Ending(silent))


@verb("blockresize", DOMAIN, Word("path", "DISK"), _SIZE)
def blockresize(asked: Asked, *, domain: str, path: str, size: str) -> int:
    """Resize a disk of a running domain. DISK is its target or source; SIZE is in KiB unless it has another unit."""

    def done(_: Operation) -> None:
        output.message(f"Block device '{path}' is resized")

    arguments = {"disk": path, "size_bytes": size_bytes("size", size)}
    return act(asked, domain, "blockresize", arguments, Ending(done, f"Failed to resize block device '{path}'"))
