#!/bin/bash
# Runs a command where a Docker engine answers and the images made here from Debian's packages are in it, and takes both
# away afterwards. An engine that runs already is used and left running. Needs root, debootstrap and Docker's programs.
#   with_images.sh COMMAND [ARGUMENT...]
# The command finds in its environment DOCKER_HOST (where it is an engine of our own), REVISOR_TEST_IMAGE with
# PostgreSQL, and REVISOR_TEST_PYTHON_IMAGE.
set -euo pipefail

[ "$#" -gt 0 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/revisor-engine.XXXXXX")
dockerd_pid=""
export REVISOR_TEST_IMAGE=revisor-test-$$-postgres:local REVISOR_TEST_PYTHON_IMAGE=revisor-test-$$-python:local

say() { printf 'images: %s\n' "$*"; }

clean_up() {
    status=$?
    set +e
    docker image rm --force "$REVISOR_TEST_IMAGE" "$REVISOR_TEST_PYTHON_IMAGE" > /dev/null 2>&1
    if [ -n "$dockerd_pid" ]; then
        kill "$dockerd_pid" && wait "$dockerd_pid"
        # An engine that is killed leaves its mounts; nothing below this folder is anybody else's.
        awk -v root="$work/" 'index($5, root) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l
    fi
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

an_engine() {
    if docker info > /dev/null 2>&1; then say "using the Docker engine that runs here"; return; fi
    # An engine of our own: its data, state and socket under our folder, and the machine's firewall left alone.
    dockerd --data-root "$work/engine" --exec-root "$work/state" --pidfile "$work/dockerd.pid" --host "unix://$work/docker.sock" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false > "$work/dockerd.log" 2>&1 &
    dockerd_pid=$!
    export DOCKER_HOST=unix://$work/docker.sock
    local deadline=$((SECONDS + 60))
    until docker info > /dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then say "no Docker engine of our own answers" >&2; tail -20 "$work/dockerd.log" >&2; return 1; fi
        sleep 0.5
    done
    say "a Docker engine of our own answers"
}

an_engine
say "making them"
"$here/images.sh" "$REVISOR_TEST_PYTHON_IMAGE" "$REVISOR_TEST_IMAGE"
"$@"
