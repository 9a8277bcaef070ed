"""What a replay found on its host, beside what was recorded."""

from dataclasses import dataclass, field
from typing import Any

from domain_model.xml_comparison import Comparison

AGREES = ("identical", "normalised")
"""The results that are no fault: a hypervisor adds what hand-written XML left out."""


@dataclass(slots=True)
class ReplayReport:
    """What was found on a host, compared with what was recorded."""

    snapshots: list[dict[str, Any]] = field(default_factory=list)
    """{name, result: identical|normalised|different|missing, differences: [{path, recorded, found}]}"""
    definition: dict[str, Any] = field(default_factory=dict)
    """Empty when the definition is not what was replayed."""
    current: dict[str, str | None] = field(default_factory=dict)

    @property
    def identical(self) -> int:
        return sum(1 for entry in self.snapshots if entry["result"] == "identical")

    @property
    def total(self) -> int:
        return len(self.snapshots)

    @property
    def agrees(self) -> bool:
        """Whether everything recorded was found."""
        results = [entry["result"] for entry in [*self.snapshots, self.definition] if entry]
        return all(result in AGREES for result in results) and self.current["recorded"] == self.current["found"]

    def add(self, name: str, comparison: Comparison | None) -> None:
        """Report one snapshot; None says that it was not found."""
        self.snapshots.append({"name": name, **(MISSING if comparison is None else result_of(comparison))})

    def as_json(self) -> dict[str, Any]:
        return {
            "snapshots": self.snapshots,
            "definition": self.definition,
            "current": self.current,
            "identical": self.identical,
            "total": self.total,
        }


MISSING: dict[str, Any] = {"result": "missing", "differences": []}


def result_of(comparison: Comparison) -> dict[str, Any]:
    """A comparison as it is reported."""
    return {
        "result": comparison.verdict,
        "differences": [{"path": d.path, "recorded": d.recorded, "found": d.found} for d in comparison.differences],
    }
