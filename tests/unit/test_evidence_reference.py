"""docs/reference/evidence.md says of every verb how it is told whether it happened, in the words of the code."""

from pathlib import Path

from domain_model import operations
from tests.architecture.copied_house import ROOT
from workers.verbs import VERBS


def test_every_verb_is_in_the_table_in_the_words_of_the_code() -> None:
    reference = Path(ROOT, "docs/reference/evidence.md").read_text(encoding="utf-8")
    rows = [line for line in reference.partition("## Snapshots")[0].splitlines() if line.startswith("| ")]
    assert rows[1:] == [f"| {name} | {verb.evidence.says} |" for name, verb in VERBS.items()]


def test_every_verb_that_can_be_asked_for_has_evidence() -> None:
    assert VERBS.keys() == operations.VERBS.keys()
