#!/bin/bash
# Makes the images of the compose and store tests from Debian's packages, since none can be pulled where there is no
# registry: one with Python, one with PostgreSQL. Needs root, debootstrap and a Docker engine ($DOCKER_HOST).
#   images.sh PYTHON_IMAGE POSTGRES_IMAGE
set -euo pipefail

python_image=$1 postgres_image=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d "${TMPDIR:-/tmp}/revisor-image.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
chmod 755 "$root"

# One root for both: making it takes longer than everything else.
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,postgresql bookworm "$root" > /dev/null
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/lib/postgresql/*
install -m 755 "$here/postgres-entrypoint.sh" "$root/usr/local/bin/postgres-entrypoint.sh"

tar -C "$root" -c . | docker import \
    -c 'ENTRYPOINT ["postgres-entrypoint.sh"]' -c 'EXPOSE 5432' -c 'VOLUME /var/lib/postgresql' - "$postgres_image" > /dev/null
tar -C "$root" -c --exclude=./usr/lib/postgresql --exclude=./usr/share/postgresql . \
    | docker import -c 'CMD ["python3"]' - "$python_image" > /dev/null
docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -e "^$python_image " -e "^$postgres_image "
