"""Showing a document of libvirt's, whole or in part: what all verbs do that dump XML, or print what they wrote."""

from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door
from revisor.cli.failures import Exit
from revisor.cli.verb import flag, option
from revisor.client import Reply


def part_options() -> list[click.Option]:
    """virsh's options for a part of a document."""
    return [
        option("xpath", "XPATH", "Only the elements that are found so."),
        flag("wrap", "With --xpath: around them one root, <nodes>."),
    ]


def show(door: Door, reply: Reply, kind: str, item: dict[str, Any], xpath: str | None, *, wrap: bool) -> int:
    """Print the XML of an answer, or what XPATH finds in it. ``item`` is what JSON has beside it."""
    text = reply.text
    if xpath is not None:
        from revisor.cli.xpath import selected

        text = selected(text, xpath, wrap=wrap)
    if door.as_json:
        output.document_of(reply, kind, [{**item, "xml": text}])
    else:
        output.raw(text)
    return Exit.DONE


def printed(xml: str) -> int:
    """What --print-xml does instead of asking."""
    output.raw(xml)
    return Exit.DONE
