"""What happened past Revisor, as doors tell of it, and the two answers to it: ours wins, or theirs does.

Beside the drift of recorded domains it tells of those that nobody recorded, and of those the log has on another host.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from domain_model import drift
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, Refused
from domain_model.healing import REDEFINE, Remedy, remedies
from domain_model.libvirt import DomainState
from domain_model.snapshot_xml import compose_named
from revisor.application import Accepted, Application
from revisor.attempts import Attempts
from revisor.drift_differences import DriftDifferences
from revisor.drift_requests import Chosen, DriftRequests, id_of_remedy, until
from revisor.drift_rows import DriftRow, DriftRows
from revisor.fresh_looks import READ_MODELS_S
from revisor.presentation import Shown, reference, time
from revisor.queries import Queries
from revisor.references import References
from revisor.sightings import Sightings, Stranger
from revisor.store.context import Context
from revisor.store.errors import RequestRepeated
from revisor.store.recorder import Request
from workers.observer import ELSEWHERE

Act = Callable[[str, str | None, str, dict[str, Any], Context], Accepted]
Define = Callable[[str, str, Context], Accepted]


@dataclass(frozen=True, slots=True)
class Verbs:
    """How operations are asked for, as at any door."""

    act: Act
    define: Define


class Drifts:
    """The drift there is, and what is done about it."""

    def __init__(
        self, application: Application, queries: Queries, refer: References, attempts: Attempts, verbs: Verbs
    ) -> None:
        self._application = application
        self._queries = queries
        self._refer = refer
        self._attempts = attempts
        self._verbs = verbs
        self._rows = DriftRows(application.database, queries)
        self._requests = DriftRequests(application, queries)
        self._sightings = Sightings(application.database)
        self._differences = DriftDifferences(application.documents, queries)

    def found(self, domain: str | None = None, host: str | None = None) -> list[Shown]:
        """All drift, of a domain (also of one that is no more) or on a host; without a domain strangers as well.

        Of a domain it is said in what its texts differ (``diff``). Raises NoDomain (42), InvalidArgument (8) for an
        unknown host.
        """
        chosen = self._chosen(domain, host)
        strangers = self._sightings.strangers(chosen.host) if chosen.everything else []
        rows = self._rows.of(chosen.domain, chosen.host)
        shown = self._shown(rows)
        if not chosen.everything:
            shown = [{**item, "diff": diff} for item, diff in zip(shown, self._differences.of(rows), strict=True)]
        return [*shown, *(_stranger(each) for each in strangers)]

    def heal(
        self,
        context: Context,
        *,
        domain: str | None = None,
        host: str | None = None,
        everything: bool = False,
        plan: bool = False,
        destroy: bool = False,
    ) -> list[Shown]:
        """Ours wins: ask for the operations that make domains what they were by our word; returns a remedy a drift.

        What waits for another operation is not asked for yet: ask again when that has ended. With ``plan`` nothing is
        asked for. What cannot be healed, or was refused, says ``why``. Under the same request id again no operation is
        asked for twice, and none for what was observed since it was first used. Raises as ``found``, and
        InvalidArgument (8) when neither a domain nor everything on a host is meant.
        """
        with self._attempts.recorded("drift --heal", _target(domain, host), context):
            chosen = self._meant(domain, host, everything=everything)
            answer = self._requests.answer("drift --heal", chosen, context)
            begun = self._requests.healed_at(answer, chosen, context)
        rows = until(self._rows.of(chosen.domain, chosen.host), begun)
        joined = replace(context, correlation=context.correlation or context.request_id or uuid4())
        healed: list[Shown] = []
        for placed in _by_placement(rows):
            known = self._application.domain(placed[0].domain)
            found = remedies([row.drift for row in placed], known, placed[0].host, destroy=destroy)
            shown = dict(zip((row.drift.key for row in placed), self._shown(placed), strict=True))
            for remedy in found:
                asked = {} if plan else self._asked(remedy, placed[0], joined)
                healed.append({**shown[remedy.drift.key], **_remedy(remedy), **asked})
        # What was refused all of it may be asked for again.
        if not plan and (not healed or any(item["operation"] for item in healed)):
            answer.remember(chosen.stream)
        return healed

    def accept(
        self, context: Context, *, domain: str | None = None, host: str | None = None, everything: bool = False
    ) -> list[Shown]:
        """Theirs wins: record that what was observed is to be so; returns the drift that is none any more.

        Under the same request id again only what was observed by then is accepted, if it is not yet. Raises as
        ``heal``, and OperationInvalid (55) under a request id while a restore waits to be acknowledged.
        """
        with self._attempts.recorded("drift --accept", _target(domain, host), context):
            chosen = self._meant(domain, host, everything=everything)
            try:
                return self._accepted(chosen, context)
            except RequestRepeated:
                return self._accepted(chosen, context)  # by somebody else at the same time: as a repetition

    def _accepted(self, chosen: Chosen, context: Context) -> list[Shown]:
        answer, position = self._requests.answer("drift --accept", chosen, context), 0
        begun = self._requests.accepted_at(answer, context)
        rows = until(self._rows.of(chosen.domain, chosen.host), begun)
        shown = self._shown(rows)
        if not rows:
            answer.remember(chosen.stream)
        request = answer.request(rows[0].domain) if rows and begun is None else None
        for placed in _by_placement(rows):
            position = max(position, self._accept(placed, context, request))
            request = None
        self._queries.wait_for(position, READ_MODELS_S)
        return shown

    def _chosen(self, domain: str | None, host: str | None) -> Chosen:
        here = None if host is None else self._refer.host(host).id
        return Chosen(None if domain is None else self._refer.last_bearer(domain, host), here)

    def _meant(self, domain: str | None, host: str | None, *, everything: bool) -> Chosen:
        """Never everything by an omission."""
        if (domain is None) != everything or (everything and host is None):
            raise InvalidArgument(
                "it is not said whose drift is meant",
                field="domain",
                value=domain,
                accepted="a domain, or all with a host",
            )
        return self._chosen(domain, host)

    def _accept(self, placed: Sequence[DriftRow], context: Context, request: Request | None) -> int:
        first, up_to = placed[0], max(row.observed_position for row in placed)

        def decide(known: Domain) -> None:
            aspects = [row.drift.key for row in placed]
            known.record(
                Domain.DriftAccepted, self._application.now(), host=first.host, aspects=aspects, position=up_to
            )

        return self._application.change(Domain, first.domain, decide, context, request=request)

    def _asked(self, remedy: Remedy, row: DriftRow, context: Context) -> Shown:
        """The operation that was asked for, or why there is none."""
        if remedy.verb is None or remedy.waits:
            return {}
        own = id_of_remedy(context.request_id, row, remedy.drift.key)
        try:
            accepted = self._ask(remedy, row, replace(context, request_id=own))
        except Refused as refusal:
            return {"why": f"{refusal.message} [{refusal.number}]"}
        return {"operation": str(accepted.operation)}

    def _ask(self, remedy: Remedy, row: DriftRow, context: Context) -> Accepted:
        verb, arguments = remedy.verb or "", dict(remedy.arguments)
        if verb == "define":
            text = self._application.documents.get(arguments["definition"])
            return self._verbs.define(self._application.vault.restore(row.domain, text), row.host_name, context)
        if verb == REDEFINE:
            header, domain, inactive = arguments.pop("documents")
            texts = self._application.documents.get_many(each for each in (header, domain, inactive) if each)
            composed = compose_named((header, domain, inactive), texts)
            arguments["xml"] = self._application.vault.restore(row.domain, composed)
        return self._verbs.act(str(row.domain), row.host_name, verb, arguments, context)

    def _shown(self, rows: Sequence[DriftRow]) -> list[Shown]:
        # Names of snapshots are looked up only where one is called by its id.
        domains = {row.domain for row in rows if row.drift.aspect == drift.CURRENT}
        names = {id: name for domain in domains for id, name in self._rows.snapshot_names(domain).items()}
        return [_shown(row, names) for row in rows]


def _by_placement(rows: Sequence[DriftRow]) -> list[list[DriftRow]]:
    placements: dict[tuple[UUID, str], list[DriftRow]] = {}
    for row in rows:
        placements.setdefault((row.domain, row.host), []).append(row)
    return list(placements.values())


def _target(domain: str | None, host: str | None) -> str:
    return (host or "") if domain is None else reference(domain, host)


def _shown(row: DriftRow, names: dict[str, str]) -> Shown:
    recorded, observed = _values(row.drift, names)
    return {
        "domain": row.name,
        "uuid": row.uuid,
        "host": row.host_name,
        "role": row.role,
        "aspect": row.drift.aspect,
        "snapshot": row.drift.name,
        "recorded": recorded,
        "observed": observed,
        "recorded_position": row.recorded_position,
        "recorded_at": time(row.recorded_at),
        "observed_position": row.observed_position,
        "observed_at": time(row.observed_at),
        "advice": None,
        "diff": None,
    }


def _values(each: drift.Drift, names: dict[str, str]) -> tuple[Any, Any]:
    match each.aspect:
        case drift.STATE:
            return DomainState(each.recorded).words, DomainState(each.observed).words
        case drift.CURRENT:
            return names.get(each.recorded, each.recorded), names.get(each.observed, each.observed)
        case drift.SNAPSHOT:
            return None if each.observed == drift.ADDED else "there", each.observed
        case _:
            return each.recorded, each.observed


def _stranger(each: Stranger) -> Shown:
    adoption = f"'revisor adopt --host {each.host_name}' takes it in, or remove it with the host's own tools"
    return {
        "domain": each.name,
        "uuid": each.uuid,
        "host": each.host_name,
        "role": None if each.elsewhere is None else "foreign",
        "aspect": "domain",
        "snapshot": None,
        "recorded": None if each.elsewhere is None else f"on {each.elsewhere}",
        "observed": "unrecorded" if each.elsewhere is None else "foreign",
        "recorded_position": None,
        "recorded_at": None,
        "observed_position": None,
        "observed_at": time(each.since),
        "advice": adoption if each.elsewhere is None else ELSEWHERE,
        "diff": None,
    }


def _remedy(remedy: Remedy) -> Shown:
    arguments = {key: value for key, value in remedy.arguments.items() if key not in ("definition", "documents")}
    return {
        "verb": remedy.verb,
        "arguments": arguments,
        "why": remedy.why,
        "waits": remedy.waits,
        "note": remedy.note,
        "operation": None,
    }
