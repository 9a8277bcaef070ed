"""The tables of what they did, which are printed at the end of the run."""

from _pytest.terminal import TerminalReporter

from tests.equivalence.reporting import REPORTS


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print each pairing's counts, also when everything passed."""
    for title, lines in REPORTS:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
