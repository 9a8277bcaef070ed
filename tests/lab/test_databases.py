"""Which PostgreSQL the store is tried on: what was asked for by name is never quietly another one, or none."""

import argparse

import pytest

from tests.lab.databases import NAMES
from tests.lab.fixtures import require
from tests.lab.store import chosen_databases, server_names

ENDED = (pytest.fail.Exception, pytest.skip.Exception)
NEEDS = ["a Docker engine that answers"]


def test_servers_are_asked_for_by_their_names() -> None:
    assert server_names("debian") == ["debian"]
    assert server_names("container, embedded") == ["container", "embedded"]


def test_a_name_that_no_server_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"'teapot' in 'debian,teapot'.*embedded,debian,container"):
        server_names("debian,teapot")


def test_asking_for_nothing_takes_the_first_there_is() -> None:
    assert server_names("") is None
    assert NAMES == ("embedded", "debian", "container")


def test_one_asked_for_that_is_not_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVISOR_REQUIRE_HYPERVISORS", raising=False)
    with pytest.raises(ENDED, match="container was asked for, and needs a Docker engine") as asked_for:
        require(NEEDS, asked_for="the database container")
    with pytest.raises(ENDED, match="needs a Docker engine") as found:
        require(NEEDS)
    assert (asked_for.type, found.type) == (pytest.fail.Exception, pytest.skip.Exception)


def test_the_run_says_which_server_it_takes(pytestconfig: pytest.Config) -> None:
    plugin = pytestconfig.pluginmanager.get_plugin("tests.lab.store")
    assert plugin is not None
    assert f"databases: {', '.join(chosen_databases(pytestconfig))} (" in plugin.pytest_report_header(pytestconfig)
