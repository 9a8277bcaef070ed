"""The verbs of hosts."""

from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door
from revisor.cli.failures import Exit
from revisor.cli.verb import Asked, Word, option, verb
from revisor.client import segment

NAME = Word("name", "NAME")
URI = Word("uri", "URI")


@verb("list")
def host_list(asked: Asked) -> int:
    """List the hosts."""
    door = Door(asked)
    reply = door.read("/v1/hosts")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    rows = [[item["name"], _state(item), item["uri"], item.get("hostname")] for item in reply.body["items"]]
    output.table(["Name", "State", "URI", "Hostname"], rows)
    return Exit.DONE


@verb(
    "add",
    NAME,
    URI,
    options=[option("adopt", "all|none", "Take in domains that nobody recorded as they are found; else tell of them.")],
)
def host_add(asked: Asked, *, name: str, uri: str, adopt: str | None) -> int:
    """Lead a hypervisor under a name; the same name and URI again is the same host."""
    door = Door(asked)
    reply = door.change("POST", "/v1/hosts", {"name": name, "uri": uri, "adopt": adopt})
    if reply.body["items"][0]["added"]:
        return said(door, reply.body, f"Host '{name}' added")
    return said(door, reply.body, f"Host '{name}' is there already, with this URI")


@verb("set-uri", NAME, URI)
def host_set_uri(asked: Asked, *, name: str, uri: str) -> int:
    """Reach a host's hypervisor under another URI."""
    door = Door(asked)
    reply = door.change("PATCH", f"/v1/hosts/{segment(name)}", {"uri": uri})
    return said(door, reply.body, f"Host '{name}' has URI {uri}")


@verb("remove", NAME)
def host_remove(asked: Asked, *, name: str) -> int:
    """Forget a host on which no domain is."""
    door = Door(asked)
    door.change("DELETE", f"/v1/hosts/{segment(name)}", {})
    if door.as_json:
        output.json_text(door.read("/v1/hosts").body)
    else:
        output.message(f"Host '{name}' removed")
    return Exit.DONE


def _state(item: dict[str, Any]) -> str | None:
    """A host that is disabled and does not answer is told to be both."""
    state = item.get("state")
    return state if item.get("disabled") is None else f"{state}, disabled"


def disabled_of(disabled: dict[str, Any]) -> str:
    """By whom what is disabled is so, since when, and why, if that was said."""
    why = ", ".join(text for text in (disabled["reason"], disabled.get("ticket")) if text)
    return f"by {disabled['actor']} since {output.local_time(disabled['at'])}{f': {why}' if why else ''}"


def said(door: Door, body: Any, words: str) -> int:
    """Tell that a change of a host is done."""
    if door.as_json:
        output.json_text(body)
    else:
        output.message(words)
    return Exit.DONE
