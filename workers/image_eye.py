"""Looking into the images behind a domain:
whether its snapshots' data is there, and which files its disks consist of.
"""

import logging
from collections.abc import Mapping, Sequence

from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, Refused
from domain_model.placements import Images, Role
from domain_model.presence import Presence, Verification
from drivers.images import ImageChain, ImageFindings, ImageSnapshots, OrphanTag, SnapshotData, SnapshotPresence
from drivers.port import Driver

_log = logging.getLogger(__name__)


class ImageEye:
    """Looks where the driver can. What cannot be told now is left out: it never keeps anything else from being seen."""

    def __init__(self, driver: Driver, host: str) -> None:
        self._driver = driver
        self._host = host

    def presence(self, domain: Domain) -> Mapping[str, Verification]:
        """What is known of the snapshots' data, by name. Raises HypervisorUnreachable."""
        return self.look(domain)[0]

    def chains(self, uuid: str) -> Sequence[ImageChain] | None:
        """The files of each disk; None unless all that it writes to are seen from here.

        Raises HypervisorUnreachable.
        """
        driver = self._driver
        if not isinstance(driver, ImageSnapshots):
            return None
        try:
            chains = driver.image_chains(uuid)
        except HypervisorUnreachable:
            raise
        except Refused as refusal:
            _log.info("the images of domain %s cannot be looked at: %s", uuid, refusal)
            return None
        return chains if all(chain.files for chain in chains) else None

    def orphans(self, uuid: str) -> Sequence[OrphanTag]:
        """The snapshots inside its images that none the hypervisor lists explains. Raises as the port's reads do."""
        driver = self._driver
        return driver.snapshot_presence(uuid).orphans if isinstance(driver, ImageSnapshots) else ()

    def look(self, domain: Domain) -> tuple[Mapping[str, Verification], Images | None]:
        """The same, and the files of the disks; None when those cannot be told. Raises HypervisorUnreachable."""
        driver = self._driver
        if not isinstance(driver, SnapshotData):
            return {}, None
        images = None
        placement = domain.placements.get(self._host)
        replica = placement is not None and placement.role is Role.REPLICA
        try:
            findings = ImageFindings() if replica else driver.snapshot_presence(domain.uuid)
            if isinstance(driver, ImageSnapshots):
                images = _images(driver.image_chains(domain.uuid), findings.names)
        except HypervisorUnreachable:
            raise
        except Refused as refusal:
            _log.info("the images of domain %s cannot be looked at: %s", domain.uuid, refusal)
            return {}, None
        return {name: _verification(said) for name, said in findings.snapshots.items()}, images


def _images(chains: Sequence[ImageChain], names: Mapping[str, str]) -> Images:
    """``names`` are those that snapshots have for files, which need not be in a chain any more."""
    return Images(
        files={chain.disk: list(chain.files) for chain in chains},
        names=dict(names) | {name: file for chain in chains for name, file in chain.names.items()},
        cut={chain.disk: chain.cut for chain in chains if chain.cut},
    )


def _verification(said: SnapshotPresence) -> Verification:
    return Verification(Presence.PRESENT) if said.present else Verification(Presence.MISSING, said.why)
