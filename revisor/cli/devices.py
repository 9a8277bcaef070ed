"""The verbs that attach, detach and change devices by their XML, as virsh has them."""

from collections.abc import Mapping
from typing import Any

from revisor.cli import output
from revisor.cli.affecting import affected_devices, affecting_devices, check_affected_devices
from revisor.cli.asking import Door, Ending, Reference, act, tell
from revisor.cli.files import read_text
from revisor.cli.verb import DOMAIN, Asked, Word, flag, verb

FILE = Word("file", "FILE")


def ask(asked: Asked, domain: str, verb_name: str, xml: str, given: Mapping[str, Any], ending: Ending) -> int:
    """Ask for a change of devices. With --persistent, what is changed depends on whether the domain runs."""
    door, reference = Door(asked), Reference.of(domain)
    before = door.asked_before(reference, verb_name) if given["persistent"] else None
    if before is not None:
        return tell(door, before, ending)
    arguments = {"xml": xml, **affected_devices(door, reference, given), "force": given.get("force", False)}
    return act(asked, domain, verb_name, arguments, ending)


def _from_file(asked: Asked, domain: str, verb_name: str, file: str, given: Mapping[str, bool]) -> int:
    check_affected_devices(given)
    word, done = verb_name.removesuffix("-device"), {"attach-device": "attached", "detach-device": "detached"}
    ending = Ending(
        lambda _: output.message(f"Device {done.get(verb_name, 'updated')} successfully"),
        f"Failed to {word} device from {file}",
    )
    return ask(asked, domain, verb_name, read_text(file), given, ending)


@verb("attach-device", DOMAIN, FILE, options=affecting_devices())
def attach_device(asked: Asked, *, domain: str, file: str, **given: bool) -> int:
    """Attach a device, given its XML in a file."""
    return _from_file(asked, domain, "attach-device", file, given)


@verb("detach-device", DOMAIN, FILE, options=affecting_devices())
def detach_device(asked: Asked, *, domain: str, file: str, **given: bool) -> int:
    """Detach a device, given its XML in a file."""
    return _from_file(asked, domain, "detach-device", file, given)


@verb("update-device", DOMAIN, FILE, options=[*affecting_devices(), flag("force", "Even if the guest holds on to it.")])
def update_device(asked: Asked, *, domain: str, file: str, **given: bool) -> int:
    """Change a device, such as the disc in a drive, given its XML in a file."""
    return _from_file(asked, domain, "update-device", file, given)
