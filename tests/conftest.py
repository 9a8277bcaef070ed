"""What all tests share: marks by folder, one Hypothesis profile, and a summary that hides nothing.

A run says what it left out and why, because a test that was quietly skipped looks exactly like one that passed. Where
``REVISOR_REQUIRE_HYPERVISORS=1`` (as in ``.ci/run``) leaving anything out fails the run.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.reports import TestReport
from _pytest.terminal import TerminalReporter
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
KINDS = ("unit", "contract", "integration", "acceptance", "architecture")
ELSEWHERE = {
    "tests/compose/run": "needs root and a Docker engine; .ci/run runs it",
    "tests/contract/store --databases debian,container": "one server is tried if none is named; .ci/run names these too",
    "tests/fresh_machine.sh": "needs root and debootstrap; .ci/run runs it",
}

# The lab starts real hypervisors, guests and databases; its fixtures are for every kind of test.
pytest_plugins = ["tests.lab.fixtures", "tests.lab.store"]

# Nothing here is judged by the clock: this machine may be slow, and a slow machine is not a wrong program.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


def everything_is_required() -> bool:
    """Whether this machine is meant to run everything, so that leaving a test out is a failure."""
    return os.environ.get("REVISOR_REQUIRE_HYPERVISORS") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the kind its folder names."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in KINDS:
            item.add_marker(folder)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a run that left something out into a failed one, where nothing may be left out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and everything_is_required() and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Name what was left out and why, grouped by the reason."""
    left_out = dict(reasons(terminalreporter))
    terminalreporter.section("what was left out, and why")
    for reason, tests in left_out.items():
        terminalreporter.write_line(f"{len(tests)} left out: {reason}")
        for name in sorted(tests):
            terminalreporter.write_line(f"    {name}")
    if config.args == config.getini("testpaths"):
        for script, why in ELSEWHERE.items():
            terminalreporter.write_line(f"not part of this run: {script} ({why})")
    if not left_out:
        terminalreporter.write_line("no test was left out")
    elif everything_is_required():
        terminalreporter.write_line("REVISOR_REQUIRE_HYPERVISORS=1: leaving tests out fails this run", red=True)


def reasons(terminalreporter: TerminalReporter) -> Iterator[tuple[str, set[str]]]:
    """The reasons tests were left out for, each with the names of its tests, parameters folded together."""
    tests: dict[str, set[str]] = defaultdict(set)
    for report in terminalreporter.stats.get("skipped", ()):
        tests[skip_reason(report)].add(str(report.nodeid).split("[", maxsplit=1)[0])
    for item in terminalreporter.stats.get("deselected", ()):
        tests["not chosen on the command line (-k, -m or --deselect)"].add(item.nodeid.split("[", maxsplit=1)[0])
    yield from sorted(tests.items())


def skip_reason(report: pytest.CollectReport | TestReport) -> str:
    """The sentence given to ``pytest.skip``, without pytest's own word before it."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return getattr(report, "wasxfail", "") or str(report.longrepr)
