"""The state machine itself, on two imagined hosts: it finds a difference, and reduces it to what makes it."""

from pathlib import Path

import pytest

from tests.equivalence.calls import Answer, Call
from tests.equivalence.guests import Guests
from tests.equivalence.machine import run
from tests.equivalence.pairs import Pair, Unequal
from tests.equivalence.seen import DomainSeen, Host
from tests.equivalence.tolerated import QEMU
from tests.equivalence.verbs import VERBS

_ASKED = ("define", "start", "suspend", "resume", "destroy", "autostart")
_STATES = {"start": (1, 1), "suspend": (3, 1), "resume": (1, 5), "destroy": (5, 2)}


class Imagined:
    """Both kinds of side: domains that do as they are told. A forgetful one shows autostart as off while they run."""

    def __init__(self, folder: Path, *, forgetful: bool = False) -> None:
        self.folder = folder
        self.behind = self
        self._forgetful = forgetful
        self._domains: Host = {}
        self._answer = Answer(None)

    @property
    def seen(self) -> Host:
        return self.look()

    def begin(self, call: Call) -> None:
        self._answer = self.carry_out(call)

    def answer(self) -> Answer:
        return self._answer

    def carry_out(self, call: Call) -> Answer:
        domain = self._domains.get(call.domain)
        if call.verb == "define" and domain is None:
            self._show(call.domain, autostart=False)
        elif domain is None:
            return Answer(42, "no such domain")
        elif call.verb == "autostart":
            self._show(call.domain, (domain.state, domain.reason), autostart=not call.has("disable"))
        else:
            state = _STATES.get(call.verb, (domain.state, domain.reason))
            self._show(call.domain, state, autostart=domain.autostart)
        return Answer(None)

    def look(self) -> Host:
        return dict(self._domains)

    def work(self) -> None:
        """There is nothing to notice."""

    def clear(self) -> None:
        self._domains.clear()

    def _show(self, name: str, state: tuple[int, int] = (5, 0), *, autostart: bool) -> None:
        self._domains[name] = DomainSeen(
            uuid="0",
            active=state[0] != 5,
            state=state[0],
            reason=state[1],
            persistent=True,
            autostart=autostart and not (self._forgetful and state[0] == 1),
            managed_save=False,
            current=None,
        )


def pair(folder: Path, *, forgetful: bool, seed: int = 7) -> Pair:
    folders = folder / "ours", folder / "theirs"
    for each in folders:
        each.mkdir(parents=True)
    ours, theirs = Imagined(folders[0], forgetful=forgetful), Imagined(folders[1])
    verbs = {name: VERBS[name] for name in _ASKED}
    return Pair(QEMU, "qemu", verbs, ours, theirs, Guests(), Guests(), seed)


def test_two_hosts_that_are_the_same_pass(tmp_path: Path) -> None:
    same = pair(tmp_path, forgetful=False)

    run(same, steps=300, steps_an_example=20, wanted=_ASKED, successes=20)

    assert same.tally.steps >= 300
    assert not same.tally.short_of(20, _ASKED)


def test_a_difference_is_reduced_to_the_calls_that_make_it(tmp_path: Path) -> None:
    with pytest.raises(Unequal) as found:
        run(pair(tmp_path, forgetful=True), steps=300, steps_an_example=20)

    said = str(found.value).splitlines()
    asked = [line.split()[1] for line in said if line[:4].strip().isdigit()]
    assert {"define", "autostart", "start"} <= set(asked), "what makes the difference is there"
    assert len(asked) < 10, "and little else: how little depends on where the search began"
    assert "autostart: Revisor recorded False, libvirt shows True" in said[-1]


def test_the_same_seed_draws_the_same_run(tmp_path: Path) -> None:
    first, again, another = (
        pair(tmp_path / name, forgetful=False, seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    for each in (first, again, another):
        run(each, steps=100, steps_an_example=20)

    assert first.tally == again.tally
    assert first.tally != another.tally
