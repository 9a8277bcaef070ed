"""What a person may do about an operation: withdraw it before it is started, or say how it ended if nobody knows.

Asked for again, each is done already; the operation that comes back tells by whom.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain_model import commands
from domain_model.domain import Domain
from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.operations import NAMES_DOMAINS, OperationState
from revisor.application import Application
from revisor.attempts import Attempts
from revisor.rows import OperationRow
from revisor.store.context import Context

_KNOWN = (OperationState.SUCCEEDED, OperationState.FAILED)


class Settlements:
    """Ends operations by what a person says. ``row`` is an operation as the log has it, ``shown`` as doors show it."""

    def __init__(
        self,
        application: Application,
        attempts: Attempts,
        row: Callable[[UUID], OperationRow],
        shown: Callable[[UUID], dict[str, Any]],
    ) -> None:
        self._application = application
        self._attempts = attempts
        self._row = row
        self._shown = shown

    def cancel(self, operation: UUID, context: Context) -> dict[str, Any]:
        """Withdraw an operation before it is started; returns it.

        Afterwards it is cancelled, no hypervisor hears of it, and a name it claimed is free. One that was cancelled
        before is returned as it is. Raises OperationInvalid (55) for one that was started or has ended,
        InvalidArgument (8) for one there is not.
        """
        with self._attempts.recorded("operation cancel", str(operation), context):
            row = self._row(operation)
            if row.state != OperationState.CANCELLED:
                self._cancel(row, context)
        return self._shown(operation)

    def settle(self, operation: UUID, outcome: OperationState, evidence: str, context: Context) -> dict[str, Any]:
        """Say how an operation ended whose outcome is unknown; returns it.

        Afterwards it has succeeded or failed, with the evidence and who gave it; nothing else is changed. One that was
        settled that way before is returned as it is. Raises OperationInvalid (55) for one of which the outcome is
        known or still to come, InvalidArgument (8) without evidence, for another outcome, or for one there is not.
        """
        with self._attempts.recorded("operation settle", str(operation), context):
            _check(outcome, evidence)
            row = self._row(operation)
            if row.state == OperationState.UNKNOWN:
                self._settle(row, outcome, evidence, context)
            elif row.settled is None or row.state != outcome:
                raise _not_unknown(row)
        return self._shown(operation)

    def _cancel(self, row: OperationRow, context: Context) -> None:
        names = [str(row.arguments["name"])] if row.verb in NAMES_DOMAINS and "name" in row.arguments else []
        try:
            self._application.change(
                Domain,
                row.domain,
                lambda domain: commands.cancel(domain, str(row.id), self._application.now()),
                context,
                names=self._application.names_on(str(row.host), names),
            )
        except OperationInvalid:
            # Somebody else may have withdrawn it in the same moment.
            if self._row(row.id).state != OperationState.CANCELLED:
                raise

    def _settle(self, row: OperationRow, outcome: OperationState, evidence: str, context: Context) -> None:
        try:
            self._application.change(
                Domain,
                row.domain,
                lambda domain: commands.settle(domain, str(row.id), outcome, evidence, self._application.now()),
                context,
            )
        except OperationInvalid:
            # Somebody else, or an agent, may have settled it in the same moment.
            now = self._row(row.id)
            if now.state != outcome:
                raise _not_unknown(now) from None


def _check(outcome: OperationState, evidence: str) -> None:
    if outcome not in _KNOWN:
        raise InvalidArgument(
            f"an operation cannot be settled as {outcome}", field="as", value=outcome, accepted=" or ".join(_KNOWN)
        )
    if not evidence.strip():
        raise InvalidArgument(
            "without evidence nobody could check how it ended",
            field="evidence",
            value=evidence,
            accepted="in a few words, what shows how it ended",
        )


def _not_unknown(row: OperationRow) -> OperationInvalid:
    before = " by " + row.settled["by"] if row.settled is not None else ""
    words = f"was settled as {row.state}{before}" if before else f"is {row.state}"
    return OperationInvalid(
        f"operation {row.id} {words}: only an unknown outcome can be settled",
        field="operation",
        value=str(row.id),
        accepted="an operation whose state is unknown",
    )
