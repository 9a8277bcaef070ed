"""Each test of the store's contract is run on each server that was chosen."""

import pytest

from tests.lab.store import chosen_databases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat every test that needs a PostgreSQL on each of them."""
    if "postgres" in metafunc.fixturenames:
        metafunc.parametrize("postgres", chosen_databases(metafunc.config), indirect=True, scope="session")
