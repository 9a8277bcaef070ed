"""Looking into the images behind a domain: whether its snapshots' data is there, and which files its disks consist of."""

import logging
from collections.abc import Mapping, Sequence

from domain_model.domain import Domain
from domain_model.errors import HypervisorUnreachable, Refused
from domain_model.placements import Role
from domain_model.presence import Presence, Verification
from drivers.images import ImageSnapshots, SnapshotPresence
from drivers.port import Driver

_log = logging.getLogger(__name__)


class ImageEye:
    """Looks where the driver can. What cannot be told now is left out: it never keeps anything else from being seen."""

    def __init__(self, driver: Driver, host: str) -> None:
        self._driver = driver
        self._host = host

    def presence(self, domain: Domain) -> Mapping[str, Verification]:
        """What is known of the snapshots' data, by name. Raises HypervisorUnreachable."""
        placement = domain.placements.get(self._host)
        if not isinstance(self._driver, ImageSnapshots) or (placement is not None and placement.role is Role.REPLICA):
            return {}
        try:
            found = self._driver.snapshot_presence(domain.uuid).snapshots
        except HypervisorUnreachable:
            raise
        except Refused as refusal:
            _log.info("the snapshots of domain %s cannot be verified: %s", domain.uuid, refusal)
            return {}
        return {name: _verification(said) for name, said in found.items()}

    def images(self, domain: Domain) -> Mapping[str, Sequence[str]] | None:
        """The files of each disk, by its target; None when that cannot be told. Raises HypervisorUnreachable."""
        if not isinstance(self._driver, ImageSnapshots):
            return None
        try:
            return {chain.disk: chain.files for chain in self._driver.image_chains(domain.uuid)}
        except HypervisorUnreachable:
            raise
        except Refused as refusal:
            _log.info("the images of domain %s cannot be looked at: %s", domain.uuid, refusal)
            return None


def _verification(said: SnapshotPresence) -> Verification:
    return Verification(Presence.PRESENT) if said.present else Verification(Presence.MISSING, said.why)
