"""The lab as a command, for the demo, the benchmarks and a look by hand.

python -m tests.lab check            what the machine lacks; exit 1 if anything
python -m tests.lab up               two hosts; prints their URIs and the shared folder
python -m tests.lab guest NAME       makes a counter guest's image and prints its domain XML
python -m tests.lab counter NAME     prints the last value the guest wrote
python -m tests.lab down             removes hosts, guests and folders
python -m tests.lab golden           dumps the files of tests/golden/ again
"""

import argparse
import subprocess
import sys
from uuid import uuid4

from tests.lab.golden import write_golden_files
from tests.lab.guest import Counter, build_counter_image, domain_xml
from tests.lab.hosts import Lab
from tests.lab.requirements import missing_for_hosts


def check(_: Lab) -> int:
    missing = missing_for_hosts()
    for item in missing:
        print(f"missing: {item}", file=sys.stderr)
    return 1 if missing else 0


def up(lab: Lab) -> int:
    if check(lab):
        return 1
    lab.up()
    for host in lab.hosts:
        print(f"{host.name} {host.uri}")
    print(f"storage {lab.storage}")
    return 0


def down(lab: Lab) -> int:
    lab.down()
    return 0


def guest(lab: Lab, name: str) -> int:
    if not lab.storage.is_dir():
        print(f"the lab {lab.name} is not up: python -m tests.lab up", file=sys.stderr)
        return 1
    image = build_counter_image(lab.storage / f"{name}.qcow2")
    print(domain_xml(name, uuid4(), image, lab.storage / f"{name}.log"), end="")
    return 0


def counter(lab: Lab, name: str) -> int:
    latest = Counter(lab.storage / f"{name}.log").latest()
    if latest is None:
        print(f"{name} has written nothing yet", file=sys.stderr)
        return 1
    print(latest)
    return 0


def golden(_: Lab) -> int:
    with Lab("golden", host_names=("alpha",)) as lab:
        for path in write_golden_files(lab.hosts[0]):
            print(path)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", default="main", help="which lab, if there are several (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    on_lab = {"check": check, "up": up, "down": down, "golden": golden}
    on_guest = {"guest": guest, "counter": counter}
    for command in on_lab:
        commands.add_parser(command)
    for command in on_guest:
        commands.add_parser(command).add_argument("guest", metavar="NAME")
    arguments = parser.parse_args()
    lab = Lab(arguments.name)
    try:
        if arguments.command in on_lab:
            return on_lab[arguments.command](lab)
        return on_guest[arguments.command](lab, arguments.guest)
    except subprocess.CalledProcessError as error:
        print(f"{error} {(error.stderr or '').strip()}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
