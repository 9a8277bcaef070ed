"""The modules the laws of the house are about."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.copied_house import FOLDERS, ROOT

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*, with_tests: bool = True) -> list[Path]:
    """Every Python file of ours, by its path from the root."""
    folders = (*FOLDERS, "benchmarks", "tests") if with_tests else FOLDERS
    return sorted(path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method in ``tree``, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """The lines of a function from ``def`` to its end, its decorators and its docstring not counted.

    What is documented well is not punished for it.
    """
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
