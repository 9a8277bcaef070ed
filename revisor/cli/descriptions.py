"""The verbs that show and set what people say of a domain: its description, title and own metadata;
as virsh has them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from revisor.cli import output
from revisor.cli.affecting import affected, affecting
from revisor.cli.asking import Door, Ending, Reference, act
from revisor.cli.failures import Exit, refusal
from revisor.cli.verb import DOMAIN, Asked, Word, exclusive, flag, option, verb

_NO_METADATA = 80


@verb(
    "desc",
    DOMAIN,
    Word("new-desc", "TEXT", required=False, many=True),
    options=[
        *affecting(),
        flag("title", "The title, not the description."),
        flag("edit", "Change it in $EDITOR."),
    ],
)
def desc(asked: Asked, *, domain: str, new_desc: Sequence[str], **given: bool) -> int:
    """Show a domain's description, or set it to TEXT; an empty one removes it."""
    flags = affected(given)
    door, reference, title = Door(asked), Reference.of(domain), given["title"]
    if not new_desc and not given["edit"]:
        return _show(door, reference, given)
    text, kind = " ".join(new_desc), "title" if title else "description"

    def take(text: str) -> int:
        ending = Ending(lambda _: output.say(f"Domain {kind} updated successfully"), f"Failed to set new domain {kind}")
        return act(asked, domain, "desc", {"text": text, "title": title, **flags}, ending)

    if not given["edit"]:
        return take(text)
    before = text if new_desc else _words(door, reference, given)
    return _edit(asked, before, take, unchanged=f"Domain {kind} not changed")


def _show(door: Door, reference: Reference, given: Mapping[str, bool]) -> int:
    found, kind = _words(door, reference, given), "title" if given["title"] else "description"
    if door.as_json:
        reply = door.read_of(reference)
        output.document_of(reply, "desc", [{"domain": reply.body["items"][0]["name"], kind: found or None}])
    elif found:
        output.say("\n".join(output.printable(line) for line in found.split("\n")))
    else:
        output.say(f"No {kind} for domain: {output.printable(reference.name)}")
    return Exit.DONE


def _words(door: Door, reference: Reference, given: Mapping[str, bool]) -> str:
    from domain_model import domain_xml

    said = domain_xml.read(_definition(door, reference, given))
    return (said.title if given["title"] else said.description) or ""


def _definition(door: Door, reference: Reference, given: Mapping[str, bool]) -> str:
    """The definition that is meant. Raises Refusal (55) where there is none, as libvirt does."""
    item = door.one(reference)
    if given["live"] and item["id"] is None:
        raise refusal(55, "Requested operation is not valid: domain is not running", field="live")
    if given["config"] and not item["persistent"]:
        sentence = "transient domains do not have any persistent config"
        raise refusal(55, f"Requested operation is not valid: {sentence}", field="config")
    return door.xml_of(reference, "/xml", inactive=given["config"]).text


def _edit(asked: Asked, before: str, take: Callable[[str], int], *, unchanged: str) -> int:
    """As the edit verbs do; the line end that editors put behind the last line is none of the text."""
    from revisor.cli.editing import edit

    return edit(asked, before, lambda text: take(text.removesuffix("\n")), unchanged=unchanged)


@verb(
    "metadata",
    DOMAIN,
    Word("uri", "URI"),
    options=[
        *affecting(),
        flag("edit", "Change it in $EDITOR."),
        option("key", "PREFIX", "The prefix for the namespace; needed to set it."),
        option("set", "XML", "The element it is to be."),
        flag("remove", "Remove it."),
    ],
)
def metadata(asked: Asked, *, domain: str, uri: str, **given: Any) -> int:
    """Show the element of namespace URI in a domain's metadata, or set it."""
    flags = affected(given)
    exclusive(given, ("edit", "set"), ("remove", "set"), ("remove", "edit"))
    if given["remove"]:
        ending = Ending(lambda _: output.message("Metadata removed"))
        return act(asked, domain, "metadata", {"uri": uri, **flags}, ending)
    if given["set"] is None and not given["edit"]:
        return _show_metadata(asked, domain, uri, given)
    if given["key"] is None:
        raise click.UsageError("namespace key is required when modifying metadata")

    def take(text: str) -> int:
        ending = Ending(lambda _: output.message("Metadata modified"))
        return act(asked, domain, "metadata", {"uri": uri, "key": given["key"], "xml": text, **flags}, ending)

    if not given["edit"]:
        return take(given["set"])
    before = _element(Door(asked), Reference.of(domain), uri, given) or ""
    return _edit(asked, before, take, unchanged="Metadata not changed")


def _show_metadata(asked: Asked, domain: str, uri: str, given: Mapping[str, Any]) -> int:
    door, reference = Door(asked), Reference.of(domain)
    found = _element(door, reference, uri, given)
    if found is None:
        sentence = "metadata not found: Requested metadata element is not present"
        raise refusal(_NO_METADATA, sentence, field="uri", value=uri)
    if door.as_json:
        output.document_of(door.read_of(reference), "metadata", [{"domain": reference.name, "uri": uri, "xml": found}])
    else:
        output.raw(found + "\n")
    return Exit.DONE


def _element(door: Door, reference: Reference, uri: str, given: Mapping[str, Any]) -> str | None:
    """The element of a namespace as it was set: without that namespace's prefix."""
    from revisor.cli.definitions import metadata_of

    return metadata_of(_definition(door, reference, given), uri)
