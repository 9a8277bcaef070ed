"""How a simulated domain comes, goes and changes its state, with libvirt's states and reasons (libvirt-semantics 2.3).

The guest inside obeys at once: ``shutdown`` ends in the transaction that asked for it.
"""

from domain_model import domain_xml
from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.flags import Start, Undefine
from domain_model.libvirt import DomainState
from drivers.simulator import texts
from drivers.simulator.inventory import Domain, Inventory

# Reasons, by their place in domain_model.libvirt.REASONS.
RUNNING_BOOTED, RUNNING_RESTORED, RUNNING_FROM_SNAPSHOT, RUNNING_UNPAUSED = 1, 3, 4, 5
PAUSED_USER, PAUSED_MIGRATING, PAUSED_FROM_SNAPSHOT = 1, 2, 7
SHUTOFF_SHUTDOWN, SHUTOFF_DESTROYED, SHUTOFF_CRASHED, SHUTOFF_SAVED, SHUTOFF_FROM_SNAPSHOT = 1, 2, 3, 5, 7


def define(inventory: Inventory, xml: str) -> None:
    """Raises MalformedXml, OperationFailed (9)."""
    domain = _named_in(inventory, xml)
    domain.definition = texts.kept(xml)
    inventory.put_domain(domain)


def create(inventory: Inventory, xml: str, flags: Start) -> None:
    """Raises MalformedXml, OperationFailed (9), OperationInvalid (55) when it is active."""
    domain = _named_in(inventory, xml)
    if domain.active:
        raise OperationInvalid(f"domain '{domain.name}' is already active")
    boot(inventory, domain, texts.kept(xml), paused=Start.PAUSED in flags)
    inventory.put_domain(domain)


def undefine(inventory: Inventory, domain: Domain, flags: Undefine) -> None:
    """Raises OperationInvalid (55)."""
    if not domain.persistent:
        raise OperationInvalid("cannot undefine transient domain")
    snapshots = inventory.parents(domain)
    if not domain.active and snapshots and Undefine.SNAPSHOTS_METADATA not in flags:
        raise OperationInvalid(f"cannot delete inactive domain with {len(snapshots)} snapshots")
    if domain.managed_save is not None and Undefine.MANAGED_SAVE not in flags:
        raise OperationInvalid("Refusing to undefine while domain managed save image exists")
    if domain.active:
        domain.definition = None
        domain.autostart = False
        inventory.put_domain(domain)
    else:
        inventory.remove_domain(domain)


def start(inventory: Inventory, domain: Domain, flags: Start) -> None:
    """Raises OperationInvalid (55) when it is active."""
    if domain.active or domain.definition is None:
        raise OperationInvalid("domain is already running")
    saved, domain.managed_save = domain.managed_save, None
    boot(inventory, domain, domain.definition, paused=Start.PAUSED in flags or saved == DomainState.PAUSED)
    if saved is not None:
        domain.reason = PAUSED_MIGRATING if domain.state == DomainState.PAUSED else RUNNING_RESTORED
    inventory.put_domain(domain)


def shutdown(inventory: Inventory, domain: Domain) -> None:
    """Raises OperationInvalid (55) unless the guest runs: a paused one cannot hear."""
    if domain.state != DomainState.RUNNING:
        raise OperationInvalid("domain is not running")
    stop(inventory, domain, SHUTOFF_SHUTDOWN)


def suspend(inventory: Inventory, domain: Domain) -> None:
    """Suspending a paused domain is a success. Raises OperationInvalid (55) when it is inactive."""
    require_active(domain)
    if domain.state != DomainState.PAUSED:
        domain.state, domain.reason = DomainState.PAUSED, PAUSED_USER
        inventory.put_domain(domain)


def resume(inventory: Inventory, domain: Domain) -> None:
    """Raises OperationInvalid (55) when it is inactive or running."""
    require_active(domain)
    if domain.state == DomainState.RUNNING:
        raise OperationInvalid("domain is already running")
    domain.state, domain.reason = DomainState.RUNNING, RUNNING_UNPAUSED
    inventory.put_domain(domain)


def managed_save(inventory: Inventory, domain: Domain) -> None:
    """Raises OperationInvalid (55) when it is inactive or transient."""
    require_active(domain)
    if not domain.persistent:
        raise OperationInvalid("cannot do managed save for transient domain")
    domain.managed_save = domain.state
    stop(inventory, domain, SHUTOFF_SAVED)


def set_autostart(inventory: Inventory, domain: Domain, *, autostart: bool) -> None:
    """Raises OperationInvalid (55) when it is transient."""
    if not domain.persistent:
        raise OperationInvalid("cannot set autostart for transient domain")
    domain.autostart = autostart
    inventory.put_domain(domain)


def boot(inventory: Inventory, domain: Domain, text: str, *, paused: bool) -> None:
    """Give the domain a process made of ``text``, under a new id."""
    domain.live = text
    domain.hypervisor_id = inventory.next_id()
    domain.state = DomainState.PAUSED if paused else DomainState.RUNNING
    domain.reason = PAUSED_USER if paused else RUNNING_BOOTED


def stop(inventory: Inventory, domain: Domain, reason: int) -> None:
    """End the domain's process, if it has one. A transient domain is gone afterwards, and with it its snapshots."""
    if not domain.active:
        return
    domain.live = domain.hypervisor_id = None
    domain.state, domain.reason = DomainState.SHUTOFF, reason
    if domain.persistent:
        inventory.put_domain(domain)
    else:
        inventory.remove_domain(domain)


def require_active(domain: Domain) -> None:
    """Raises OperationInvalid (55)."""
    if not domain.active:
        raise OperationInvalid("domain is not running")


def _named_in(inventory: Inventory, xml: str) -> Domain:
    """The domain a definition speaks of, a new one if need be. Raises OperationFailed (9) when names and UUIDs cross."""
    read = domain_xml.read(xml)
    uuid = read.uuid
    if uuid is None:
        raise ValueError("the port asks for definitions that name their UUID")
    known = inventory.find_domain(uuid)
    if known is not None:
        if known.name != read.name:
            raise OperationFailed(f"domain '{known.name}' is already defined with uuid {uuid}")
        return known
    namesake = inventory.find_domain_named(read.name)
    if namesake is not None:
        raise OperationFailed(f"domain '{namesake.name}' already exists with uuid {namesake.uuid}")
    return Domain(uuid=uuid, name=read.name)
