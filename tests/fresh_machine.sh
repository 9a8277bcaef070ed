#!/bin/bash
# A newcomer's first minutes, on a machine as fresh as one can be: a Debian 12 root with python3, python3-venv and make,
# and nothing else. `make up ARGS=--detach`, the README's session typed as printed, `make test`. Needs root, debootstrap.
#
# The commands of the README are the lines that begin with `$ ` in its blocks opened by ```console session
set -euo pipefail

source_tree=$(cd "$(dirname "$0")/.." && pwd)
home=/root/revisor

if [ "${1:-}" != --inside ]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/revisor-fresh.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 130' INT TERM
    chmod 755 "$work"
    # Mounts and processes are in namespaces that end with the script: nothing is left behind, however it ends.
    unshare --mount --propagation private --pid --fork --kill-child --ipc "$0" --inside "$work"
    exit
fi

root=$2/root
say() { printf 'fresh machine: %s\n' "$*"; }

inside() {
    local pass=()
    while IFS= read -r name; do pass+=("$name=${!name}"); done < <(compgen -e | grep -E '^(PIP_.*|SSL_CERT_.*|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$' || true)
    chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${pass[@]}" "$@"
}

a_fresh_root() {
    # On a machine / is a mount point; in a chroot into a plain folder it would be none.
    mkdir "$root" && mount --bind "$root" "$root"
    debootstrap --variant=minbase --include=python3,python3-venv,make bookworm "$root" > "$2.log" 2>&1 || { tail -20 "$2.log"; return 1; }
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
}

# How this machine reaches a package index is its own affair: its settings are taken along, and the files they name.
the_way_to_the_index() {
    local path
    for path in /etc/pip.conf /root/.config/pip/pip.conf /root/.pip/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        if [ -e "$path" ]; then install -D -m 644 "$path" "$root$path"; fi
    done
    for path in $(python3 -m pip config list 2> /dev/null | tr " '\"=" '\n' | sed -n 's,^file://,,; /^\//p' | sort -u); do
        path=${path%/simple}   # a local index's pages link to files that lie beside them
        if [ -d "$path" ] && [ ! -e "$root$path" ]; then mkdir -p "$root$path" && mount --bind -o ro "$path" "$root$path"; fi
    done
}

the_tree() {
    mkdir -p "$root$home"
    git -C "$source_tree" ls-files -z --cached --others --exclude-standard | (cd "$source_tree" && xargs -0 ls -d 2> /dev/null) \
        | tar -C "$source_tree" -c -T - | tar -C "$root$home" --no-same-owner -x
}

the_session() { awk '/^```console session/ {on = 1; next} /^```/ {on = 0} on && /^\$ / {print substr($0, 3)}' "$source_tree/README.md"; }

say "making a Debian 12 root"
a_fresh_root "$root" "$2/debootstrap"
the_way_to_the_index
the_tree
say "make up ARGS=--detach"
inside make -C "$home" up ARGS=--detach
say "the session of the README"
session=$(the_session)
[ -n "$session" ] || { say 'README.md has no block opened by ```console session' >&2; exit 1; }
printf 'set -euo pipefail\ncd %s\n%s\n' "$home" "$session" | tee "$root/tmp/session" | sed -n '3,$s/^/    $ /p'
inside bash -v /tmp/session
say "make test"
inside make -C "$home" test
inside "$home/.venv/bin/revisor" down
say "all of it worked"
