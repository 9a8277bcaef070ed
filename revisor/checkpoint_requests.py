"""From what a person asks about checkpoints and backups to a command; a part of ``requests``.

Names that were left out are chosen here, before anybody acts, so that what was made can be found again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain_model import checkpoint_xml
from domain_model.errors import InvalidArgument
from domain_model.flags import CheckpointCreate
from domain_model.limits import check_moment_name
from domain_model.verbs import chosen
from revisor.submissions import Submission, Submissions, Target

_ANY_BACKUP = f"<{checkpoint_xml.BACKUP_ROOT}/>"


class CheckpointRequests:
    """Builds the commands of ``checkpoint-create``, with its redefine, and of ``backup-begin``."""

    def __init__(self, submissions: Submissions, now: Callable[[], datetime]) -> None:
        self._submissions = submissions
        self._now = now

    def checkpoint_create(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """With redefine, the command is ``checkpoint-redefine``. Raises Refused."""
        given = chosen("checkpoint-create", arguments)
        if given["flags"] & CheckpointCreate.REDEFINE:
            return self._redefine(target, given)
        named, text = self._named(given.get("xml"))
        return self._submission(target, "checkpoint-create", given, {"xml": text}, name=named)

    def backup_begin(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """A backup, and a checkpoint of the same moment if one is asked for. Raises Refused."""
        given = chosen("backup-begin", arguments)
        texts = {"xml": given.get("xml", _ANY_BACKUP)}
        incremental, checkpoint = checkpoint_xml.incremental_of(texts["xml"]), None
        if "checkpoint_xml" in given:
            checkpoint, texts["checkpoint_xml"] = self._named(given["checkpoint_xml"])
        return self._submission(target, "backup-begin", given, texts, incremental=incremental, checkpoint=checkpoint)

    def _redefine(self, target: Target, given: dict[str, Any]) -> Submission:
        if "xml" not in given:
            raise InvalidArgument("redefine needs the checkpoint's XML", field="xml", accepted="a checkpoint's dump")
        said = checkpoint_xml.read_for_redefine(given["xml"])
        assert said.name is not None
        check_moment_name(said.name, "checkpoint")
        if said.domain_uuid is not None and said.domain_uuid != target.uuid:
            raise InvalidArgument(
                f"definition for checkpoint {said.name} must use uuid {target.uuid}",
                field="domain/uuid",
                value=said.domain_uuid,
                accepted=target.uuid,
            )
        texts = {"xml": given["xml"]}
        return self._submission(target, "checkpoint-redefine", given, texts, name=said.name, parent=said.parent)

    def _named(self, text: str | None) -> tuple[str, str]:
        """The name of a checkpoint to be made, and its XML with that name in it."""
        said = checkpoint_xml.CheckpointDescription() if text is None else checkpoint_xml.read_for_create(text)
        # libvirt names a checkpoint after the second it is made in.
        name = said.name or str(int(self._now().timestamp()))
        check_moment_name(name, "checkpoint")
        return name, checkpoint_xml.build(name) if text is None else checkpoint_xml.with_name(text, name)

    def _submission(
        self, target: Target, verb: str, given: dict[str, Any], texts: dict[str, str], **arguments: str | None
    ) -> Submission:
        """``given`` is what was asked; ``texts`` what becomes of its documents."""
        gathered = self._submissions.texts(target.domain)
        digests = {name: gathered.add(text) for name, text in texts.items()}
        named = {"flags": given["flags"], **arguments, **digests}
        return self._submissions.about(target, verb, named, asked=given, texts=gathered)
