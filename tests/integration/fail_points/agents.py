"""Agents that begin again the moment they are killed: each forked from a process that has loaded everything.

    python -m tests.integration.fail_points.agents HOST...

Settings come from the environment, as for ``revisor worker``. They end when their standard input does.
"""

import os
import signal
import sys

from revisor.processes import run_worker
from revisor.settings import read_settings


def main(hosts: list[str]) -> int:
    agents = {_forked(host): host for host in hosts}
    deaths = 0
    while agents:
        pid, status = os.wait()
        host = agents.pop(pid)
        if os.waitstatus_to_exitcode(status) != 0:
            deaths += os.waitstatus_to_exitcode(status) == -signal.SIGKILL
            agents[_forked(host)] = host
    print(f"{deaths} agents were killed", flush=True)
    return 0


def _forked(host: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        run_worker(read_settings(), host, supervised=True)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
