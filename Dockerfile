# Revisor in a container: the control plane with simulated hosts, or with `revisor worker` beside each real hypervisor.
# (The libvirt driver is not in this image: libvirt-python is compiled against the libvirt of the machine it talks to.)
#
# Everything is installed from the lock files. Where the build has no network, fill a folder `wheelhouse` first, and
# nothing is fetched:
#   pip download --require-hashes -d wheelhouse -r requirements.lock
#   pip download --require-hashes -d wheelhouse -r requirements-build.lock

ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /locks
COPY requirements.lock requirements-build.lock wheelhouse* ./
RUN set -eu; \
    offline=""; if ls ./*.whl > /dev/null 2>&1; then offline="--no-index --find-links=."; fi; \
    python3 -m venv /opt/revisor; \
    python3 -m venv /opt/build; \
    /opt/revisor/bin/python -m pip install --no-cache-dir $offline --require-hashes -r requirements.lock; \
    /opt/build/bin/python -m pip install --no-cache-dir $offline --require-hashes -r requirements-build.lock
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY revisor revisor
COPY domain_model domain_model
COPY projections projections
COPY drivers drivers
COPY workers workers
COPY migrations migrations
RUN set -eu; \
    /opt/build/bin/python -m hatchling build -t wheel -d /wheel; \
    /opt/revisor/bin/python -m pip install --no-cache-dir --no-index --no-deps /wheel/*.whl

FROM ${BASE_IMAGE}
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/revisor --create-home revisor && chmod 700 /var/lib/revisor
COPY --from=build /opt/revisor /opt/revisor
ENV PATH=/opt/revisor/bin:$PATH REVISOR_HOME=/var/lib/revisor
USER revisor
WORKDIR /var/lib/revisor
VOLUME /var/lib/revisor
ENTRYPOINT ["revisor"]
CMD ["up"]
