"""The door for ``revisor`` and ``python -m revisor``; Revisor's own subprocesses come through it as well."""

import sys

import revisor._house  # noqa: F401  (opens the house: must come before anything of ours)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from revisor.cli.main import main as command_line

    sys.exit(command_line())


if __name__ == "__main__":
    main()
