"""The verbs between hosts: replay, with its report, and handover."""

from typing import Any

from revisor.cli import output
from revisor.cli.asking import Ending, act
from revisor.cli.verb import DOMAIN, Asked, option, verb
from revisor.client import Operation

Report = dict[str, Any]


@verb(
    "replay",
    DOMAIN,
    options=[option("to", "HOST", "The other host; without it, restore where the domain is.")],
    wait_s=None,
)
def replay(asked: Asked, *, domain: str, to: str | None) -> int:
    """Make or refresh a replica of a domain and its snapshots on another host, and compare what is there then.

    Without --to: bring back the snapshots that were forgotten where the domain is, because it was undefined or was
    transient and stopped, and is there again under its UUID.
    """

    def item(operation: Operation) -> tuple[str, Any]:
        report = report_of(operation)
        return ("operations", operation) if report is None else ("replay", report)

    def show(operation: Operation) -> None:
        report = report_of(operation)
        if report is not None:
            print_report(report)

    ending = Ending(
        done=lambda _: None,
        failed=f"Failed to replay domain '{domain}'" + ("" if to is None else f" to {to}"),
        report=show,
        item=item,
    )
    return act(asked, domain, "replay", {"to": to}, ending)


def report_of(operation: Operation) -> Report | None:
    """The report of a replay; None if it ended before it had read anything back."""
    result = operation.get("result") or {}
    if "snapshots" not in result:
        return None
    return {
        "operation": operation["id"],
        "domain": operation["domain"],
        "from": (operation.get("arguments") or {}).get("from") or operation["host"],
        "to": operation["host"],
        "position": operation.get("position"),
        **result,
    }


def print_report(report: Report) -> None:
    """The report as a table, then each difference, then how many are identical."""
    output.table(["Snapshot", "Result"], [[entry["name"], entry["result"]] for entry in report["snapshots"]])
    for entry in report["snapshots"]:
        _print_differences(f"{entry['name']}: {entry['result']}", entry)
    definition = report.get("definition") or {}
    _print_differences(f"definition: {definition.get('result')}", definition)
    current = report["current"]
    if current["recorded"] != current["found"]:
        output.say(f"current: recorded {_word(current['recorded'])}, found {_word(current['found'])}")
    output.say(f"{report['identical']} of {report['total']} identical")


def _print_differences(title: str, entry: Report) -> None:
    if not entry.get("differences"):
        return
    output.say(output.printable(title))
    for difference in entry["differences"]:
        output.say(f"  {output.printable(_difference(difference))}")
    output.say()


def _difference(difference: Report) -> str:
    path, recorded, found = difference["path"], difference["recorded"], difference["found"]
    if recorded is None:
        return f"+ {path}: {found}"
    if found is None:
        return f"- {path}: {recorded}"
    return f"~ {path}: recorded {recorded}, found {found}"


def _word(name: str | None) -> str:
    return "none" if name is None else output.printable(name)


@verb("handover", DOMAIN, options=[option("to", "HOST", "The other host.", required=True)])
def handover(asked: Asked, *, domain: str, to: str) -> int:
    """Make the replica on another host the owner; the domain must be off."""

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' handed over to {to}")

    return act(asked, domain, "handover", {"to": to}, Ending(done, f"Failed to hand over domain '{domain}'"))
