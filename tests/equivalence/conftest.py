"""The database for the pairings, and the tables of what they did, which are printed at the end of the run."""

from _pytest.terminal import TerminalReporter

from tests.equivalence.reporting import REPORTS
from tests.integration.conftest import application_dsn, database, empty_dsn, owner_dsn, postgres

__all__ = ["application_dsn", "database", "empty_dsn", "owner_dsn", "postgres"]  # pytest finds fixtures by name


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print each pairing's counts, also when everything passed."""
    for title, lines in REPORTS:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
