"""What an act would touch, told before it is done, and refused where others would lose the ground they stand on."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domain_model import blast
from domain_model.blast import Radius
from domain_model.commands import check_identity, check_role, recorded_situation
from domain_model.errors import InvalidArgument, NoDomain, NoSnapshot
from domain_model.flags import SnapshotDelete, SnapshotRevert, Undefine
from domain_model.holds import check_holds
from domain_model.operations import Command
from domain_model.placements import Images
from domain_model.presence import check_is_there
from domain_model.rules import RULES
from domain_model.snapshots import SnapshotRecord
from domain_model.verbs import chosen
from revisor.application import Application
from revisor.queries import Queries
from revisor.requests import Requests
from revisor.submissions import Target

_UNSEEN = "the image files could not be looked into: whether other images stand on them is not known"
VERBS = ("snapshot-delete", "snapshot-revert", "undefine")


class Plans:
    """Draws up blast radiuses from what is on record."""

    def __init__(self, application: Application, queries: Queries, requests: Requests) -> None:
        self._application = application
        self._queries = queries
        self._requests = requests

    def plan(self, target: Target, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a verb would touch. Raises Refused as the verb itself would, also what ``check`` refuses."""
        radius = self.radius(target, verb, arguments)
        if radius is None:
            raise InvalidArgument(f"{verb} has no plan", field="verb", value=verb, accepted=", ".join(VERBS))
        domain = self._application.domain(target.domain)
        command = Command("", verb, str(target.host), chosen(verb, arguments))
        check_role(domain, command, self._queries.host_names())
        check_identity(domain, command)
        check_holds(domain, command, self._application.now())
        RULES[verb](recorded_situation(domain, domain.placements[str(target.host)]), chosen(verb, arguments))
        radius.check()
        if verb == "snapshot-revert":
            name = chosen(verb, arguments)["name"]
            check_is_there(name, domain.forest.presence_of(domain.forest.named(name).id))
        if any(fate.fate != "is kept" for fate in radius.files):
            images = domain.placements[str(target.host)].images
            radius = replace(radius, unknown=(*radius.unknown, *_unseen(images), *self._unseen_elsewhere(target)))
        return {"verb": verb, "domain": target.name, **radius.as_json()}

    def check(self, target: Target, verb: str, arguments: Mapping[str, Any]) -> None:
        """Refuse (55) what would take the ground from under others.

        A snapshot that is not there may be on its way: whether it is then is for the rules to say, when its turn comes.
        """
        with contextlib.suppress(NoSnapshot, NoDomain):
            radius = self.radius(target, verb, arguments)
            if radius is not None:
                radius.check()

    def radius(self, target: Target, verb: str, arguments: Mapping[str, Any]) -> Radius | None:
        """The blast radius of a verb; None of one that has none."""
        if verb not in VERBS:
            return None
        given = chosen(verb, arguments)
        domain = self._application.domain(target.domain)
        placement = domain.placements.get(str(target.host))
        if placement is None:
            raise NoDomain(f"no domain with matching name '{target.name}'", field="domain", value=target.name)
        forest, flags, dependents = domain.forest, given["flags"], self._dependents(target, placement.images)
        match verb:
            case "snapshot-delete":
                return blast.of_delete(forest, given["name"], SnapshotDelete(flags), self._dump, dependents)
            case "snapshot-revert":
                revert = SnapshotRevert(flags)
                return blast.of_revert(forest, given["name"], revert, placement, self._dump, dependents)
            case _:
                digest = placement.definition
                definition = None if digest is None else self._application.documents.get(digest)
                checkpoints = len(domain.checkpoints) > 0
                return blast.of_undefine(forest, Undefine(flags), placement, definition, checkpoints=checkpoints)

    def _dump(self, record: SnapshotRecord) -> str:
        return self._requests.dump(record)

    def _dependents(self, target: Target, images: Images) -> blast.Dependents:
        def standing_on(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
            files = {name: images.file(name) for name in names}
            found = self._queries.standing_on(list(files.values()), str(target.host), target.domain)
            return {name: found.get(file, ()) for name, file in files.items()}

        return standing_on

    def _unseen_elsewhere(self, target: Target) -> list[str]:
        """Of the host's other domains, which may stand on these files without anybody knowing, and why."""
        cut = self._queries.images_cut(str(target.host), target.domain)
        return [f"what else domain '{name}' stands on is not known: {why}" for name, why in cut]


def _unseen(images: Images) -> list[str]:
    """What of a domain's own images is not known, in sentences."""
    if not images.files or (not images.cut and not all(images.files.values())):
        return [_UNSEEN]
    return [f"what disk {disk} stands on is not all known: {why}" for disk, why in images.cut.items()]
