"""Carrying out redefinitions: one snapshot after the other, whether a person gave them or the log has them."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from domain_model.errors import Refused, refusal
from domain_model.redefinition import Step
from drivers.port import Driver
from workers.dumps import Dumps
from workers.ports import Records

Progress = Callable[[int, int], None]

_TELL_EVERY_S = 0.2


class Redefinition:
    """Redefines snapshots of one domain. Doing it twice is the same as once."""

    def __init__(self, driver: Driver, uuid: str, dumps: Dumps) -> None:
        self._driver = driver
        self._uuid = uuid
        self._dumps = dumps
        self.touched: list[str] = []
        """The names of the snapshots that are redefined by now, or may be."""

    def carry_out(self, steps: Sequence[Step], progress: Progress = lambda _done, _total: None) -> None:
        """Redefine in this order. Raises what the hypervisor refuses, naming the snapshot if there are several."""
        tell = _Teller(progress)
        for done, step in enumerate(steps, start=1):
            self.touched.append(step.name)
            try:
                self._driver.snapshot_create(self._uuid, self._text(step), step.flags)
            except Refused as refused:
                if len(steps) > 1:
                    raise _naming(step.name, refused) from refused
                raise
            tell(done, len(steps))

    def _text(self, step: Step) -> str:
        if step.record is not None:
            return self._dumps.given(step.record)
        return self._dumps.document(step.xml or "")


def dumps_for(steps: Sequence[Step], records: Records, domain: UUID) -> Dumps:
    """The texts that a plan needs, each to hang where it says."""
    recorded = {step.record: step.parent for step in steps if step.record is not None}
    given = [step.xml for step in steps if step.xml is not None]
    return Dumps(
        records, domain, recorded, moved={record.id: parent for record, parent in recorded.items()}, more=given
    )


class _Teller:
    """Passes progress on, but not a thousand times a second."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told_at = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self._progress(done, total)


def _naming(snapshot: str, refused: Refused) -> Refused:
    """The hypervisor's refusal, with the snapshot it is about: there were several."""
    named = refusal(refused.number, f"{refused.message} (snapshot '{snapshot}')")
    named.field, named.value = "snapshot", snapshot
    return named
