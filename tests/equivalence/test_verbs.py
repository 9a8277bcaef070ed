"""The list of verbs is whole: what Revisor can be asked for is asked for here, with libvirt's own flags."""

import pytest

from domain_model.operations import VERBS as KNOWN
from domain_model.verbs import SPECS
from tests.equivalence.verbs import VERBS

NOT_DRIVEN = {
    "replay": "libvirt has nothing like it",
    "handover": "libvirt has nothing like it",
    "snapshot-undelete": "libvirt has nothing like it",
    "backup-begin": "a job that goes on by itself: tests/acceptance has it",
    "checkpoint-redefine": "needs bitmaps in images that were made elsewhere: tests/acceptance has it",
}


def test_every_verb_is_driven_or_it_is_said_why_not() -> None:
    assert sorted(set(KNOWN) - set(VERBS) - set(NOT_DRIVEN)) == []


def test_nothing_is_excused_that_is_driven_or_is_no_verb() -> None:
    assert sorted(verb for verb in NOT_DRIVEN if verb in VERBS or verb not in KNOWN) == []


@pytest.mark.parametrize("verb", sorted(verb for verb, spec in SPECS.items() if spec.flags and verb in VERBS))
def test_a_flag_has_the_number_that_libvirt_gives_its_name(verb: str) -> None:
    libvirt = pytest.importorskip("libvirt")
    from tests.equivalence.direct_verbs import FLAGS

    numbers = {name: int(flag) for name, flag in SPECS[verb].flags.items()}

    assert numbers == {name: getattr(libvirt, constant) for name, constant in FLAGS[verb].items()}
