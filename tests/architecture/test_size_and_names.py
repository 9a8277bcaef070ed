"""Small on purpose: nothing too long to be read at one sitting, nothing named for leftovers, everything introduced."""

import ast
from pathlib import Path

import pytest

from tests.architecture.copied_house import ROOT
from tests.architecture.source import functions, length, modules

MAX_FILE = 400
MAX_FUNCTION = 50
LEFTOVERS = {"utils", "util", "common", "helpers", "helper", "base", "manager", "managers", "misc", "shared", "tools"}


def too_long(path: str, text: str) -> list[str]:
    """What in a module is longer than the house allows, each as a sentence that says why it matters."""
    found = []
    lines = len(text.splitlines())
    if lines > MAX_FILE:
        found.append(f"{path} has {lines} lines: over {MAX_FILE} a file has become two; find the second and name it")
    found += [
        f"{path}: {function.name} has {length(function)} lines: over {MAX_FUNCTION} nobody sees what it does; say its "
        "steps as functions"
        for function in functions(ast.parse(text))
        if length(function) > MAX_FUNCTION
    ]
    return found


def named_for_leftovers(path: Path) -> bool:
    """Whether a file or one of its folders bears a name that says nothing and collects everything."""
    return not LEFTOVERS.isdisjoint((*path.parts[:-1], path.stem))


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_file_and_its_functions_are_short(path: Path) -> None:
    assert not too_long(str(path), (ROOT / path).read_text())


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(ast.parse((ROOT / path).read_text())), f"{path} opens without saying why it exists"


def test_no_file_is_named_for_leftovers() -> None:
    found = [str(path) for path in modules() if named_for_leftovers(path)]
    assert not found, (
        f"{found}: such a name says nothing, so the file collects what has no place; name it for its one job"
    )


def test_a_file_too_long_is_seen() -> None:
    (sentence,) = too_long("planted.py", "x = 1\n" * (MAX_FILE + 1))
    assert "401 lines" in sentence


def test_a_function_too_long_is_seen_and_its_docstring_is_not_counted() -> None:
    body = "    x = 1\n" * (MAX_FUNCTION - 1)
    docstring = '    """One.\n\n    Two.\n    """\n'
    assert not too_long("planted.py", f"def f():\n{docstring}{body}")
    (sentence,) = too_long("planted.py", f"def f():\n{docstring}{body}    x = 1\n")
    assert "f has 51 lines" in sentence


@pytest.mark.parametrize("name", ["utils.py", "helpers/reading.py", "drivers/base.py"])
def test_a_name_for_leftovers_is_seen(name: str) -> None:
    assert named_for_leftovers(Path(name))
