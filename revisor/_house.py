"""Make the five folders importable, and nothing else. Imported by the entry points only, first of all.

In the wheel they lie in ``revisor/_root``, where no other program can stumble over them. In a working copy they lie
beside ``revisor``. Either way that place goes first on ``sys.path``, so that a folder named ``workers`` in the
caller's working directory is not taken for ours.
"""

import sys
from pathlib import Path


def open_house(package: Path) -> str:
    """Put the folder that holds the five first on ``sys.path``, once, and return it."""
    private = package / "_root"
    house = str(private if private.is_dir() else package.parent)
    if sys.path[:1] != [house]:
        sys.path.insert(0, house)
    return house


HOUSE = open_house(Path(__file__).resolve().parent)
