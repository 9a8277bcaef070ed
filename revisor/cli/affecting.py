"""Which definition a change is made to: virsh's options --live, --config, --current and --persistent."""

from collections.abc import Mapping
from typing import Any

import click

from revisor.cli.asking import Door, Reference
from revisor.cli.verb import exclusive, flag

_EXCLUSIVE = (("current", "live"), ("current", "config"))


def affecting() -> list[click.Option]:
    """The options of verbs that change a domain's definition."""
    return [
        flag("live", "Change the running domain."),
        flag("config", "Change its persistent definition: it counts from the next start on."),
        flag("current", "Change what the domain is now: running, or the definition. So it is without an option."),
    ]


def affecting_devices() -> list[click.Option]:
    """The same for devices."""
    return [flag("persistent", "Change the definition, and the domain too if it runs."), *affecting()]


def affected(given: Mapping[str, Any]) -> dict[str, bool]:
    """What is to be changed. Raises UsageError for options that exclude one another, in virsh's words."""
    exclusive(given, *_EXCLUSIVE)
    return {"live": given["live"], "config": given["config"]}


def check_affected_devices(given: Mapping[str, Any]) -> None:
    """Refuse options that exclude one another, before anything is asked."""
    exclusive(given, ("persistent", "current"), *_EXCLUSIVE)


def affected_devices(door: Door, domain: Reference, given: Mapping[str, Any]) -> dict[str, bool]:
    """The same for devices; what --persistent means depends on whether the domain runs."""
    check_affected_devices(given)
    live = given["live"] or (given["persistent"] and door.one(domain)["id"] is not None)
    return {"live": live, "config": given["config"] or given["persistent"]}


def only_definition(door: Door, reference: Reference, given: Mapping[str, Any]) -> str:
    """The definition in which a device is looked for: with --config alone the persistent one."""
    inactive = (given["config"] or given["persistent"]) and not given["live"]
    if given["persistent"] and inactive:
        inactive = door.one(reference)["id"] is None
    return door.xml_of(reference, "/xml", inactive=inactive).text
