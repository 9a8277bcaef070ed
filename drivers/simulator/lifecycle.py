"""How a simulated domain comes, goes and changes its state, with libvirt's states and reasons (libvirt-semantics 2.3).

The guest inside obeys at once: ``shutdown`` ends in the transaction that asked for it.
"""

from domain_model import domain_xml
from domain_model.domain_xml import DomainDefinition
from domain_model.errors import OperationFailed, OperationInvalid, Refused
from domain_model.flags import Start, Undefine
from domain_model.libvirt import DomainState
from drivers.simulator import machine, texts
from drivers.simulator.files import NVRAM, File
from drivers.simulator.inventory import Domain, Inventory

# Reasons, by their place in domain_model.libvirt.REASONS.
RUNNING_BOOTED, RUNNING_RESTORED, RUNNING_FROM_SNAPSHOT, RUNNING_UNPAUSED = 1, 3, 4, 5
RUNNING_SAVE_CANCELED, RUNNING_WAKEUP = 7, 8
PAUSED_USER, PAUSED_MIGRATING, PAUSED_FROM_SNAPSHOT, PAUSED_SNAPSHOT = 1, 2, 7, 9
SHUTOFF_SHUTDOWN, SHUTOFF_DESTROYED, SHUTOFF_CRASHED = 1, 2, 3
SHUTOFF_SAVED, SHUTOFF_FAILED, SHUTOFF_FROM_SNAPSHOT = 5, 6, 7


def define(inventory: Inventory, xml: str) -> None:
    """Raises MalformedXml, ConfigUnsupported (67), OperationFailed (9)."""
    read = domain_xml.read(xml)
    machine.check_type(read)
    machine.check_startable(xml)
    domain = named_in(inventory, read)
    domain.definition = texts.kept(xml)
    inventory.files.hear_of(read.disks)
    inventory.put_domain(domain)


def create(inventory: Inventory, xml: str, flags: Start) -> None:
    """Raises MalformedXml, OperationFailed (9), OperationInvalid (55) when it is active."""
    read = domain_xml.read(xml)
    machine.check_type(read)
    domain = startable(inventory, read)
    inventory.files.hear_of(read.disks)
    boot(inventory, domain, texts.kept(xml), paused=Start.PAUSED in flags)
    inventory.put_domain(domain)


def undefine(inventory: Inventory, domain: Domain, flags: Undefine) -> None:
    """Raises OperationInvalid (55), in libvirt's order (libvirt-semantics 1.7)."""
    _check_undefine(inventory, domain, flags)
    nvram = domain_xml.read(domain.definition or "").nvram
    if nvram is not None and Undefine.NVRAM in flags:
        inventory.files.remove(nvram)
    if domain.active:
        domain.definition = domain.managed_save = domain.managed_live = None
        domain.autostart = False
        inventory.put_domain(domain)
    else:
        inventory.remove_domain(domain)


def _check_undefine(inventory: Inventory, domain: Domain, flags: Undefine) -> None:
    for one, other, what in (
        (Undefine.NVRAM, Undefine.KEEP_NVRAM, "nvram"),
        (Undefine.TPM, Undefine.KEEP_TPM, "TPM"),
    ):
        if one in flags and other in flags:
            raise OperationInvalid(f"cannot both keep and delete {what}")
    if domain.definition is None:
        raise OperationInvalid("cannot undefine transient domain")
    snapshots = inventory.parents(domain)
    if not domain.active and snapshots and Undefine.SNAPSHOTS_METADATA not in flags:
        raise OperationInvalid(f"cannot delete inactive domain with {len(snapshots)} snapshots")
    checkpoints = inventory.number_of_checkpoints(domain)
    if not domain.active and checkpoints and Undefine.CHECKPOINTS_METADATA not in flags:
        raise OperationInvalid(f"cannot delete inactive domain with {checkpoints} checkpoints")
    if domain.managed_save is not None and Undefine.MANAGED_SAVE not in flags:
        raise OperationInvalid("Refusing to undefine while domain managed save image exists")
    nvram = domain_xml.read(domain.definition).nvram
    if nvram is not None and inventory.files.exists(nvram) and not flags & (Undefine.NVRAM | Undefine.KEEP_NVRAM):
        raise OperationInvalid("cannot undefine domain with nvram")


def start(inventory: Inventory, domain: Domain, flags: Start) -> None:
    """Go on with a managed save, which is used up so, or boot. Raises OperationInvalid (55) when it is active."""
    if domain.active or domain.definition is None:
        raise OperationInvalid("domain is already running")
    saved, live = domain.managed_save, domain.managed_live or domain.definition
    domain.managed_save = domain.managed_live = None
    if saved is None or Start.FORCE_BOOT in flags:
        boot(inventory, domain, domain.definition, paused=Start.PAUSED in flags)
    else:
        go_on(inventory, domain, live, paused=Start.PAUSED in flags or saved != DomainState.RUNNING)
    inventory.put_domain(domain)


def shutdown(inventory: Inventory, domain: Domain) -> None:
    """Raises OperationInvalid (55) unless the guest runs: a paused one cannot hear."""
    require_running(domain)
    stop(inventory, domain, SHUTOFF_SHUTDOWN)


def suspend(inventory: Inventory, domain: Domain) -> None:
    """Suspending a paused domain is a success. Raises OperationInvalid (55) when it is inactive or asleep."""
    require_active(domain)
    _require_awake(domain)
    if domain.state != DomainState.PAUSED:
        domain.state, domain.reason = DomainState.PAUSED, PAUSED_USER
        inventory.put_domain(domain)


def resume(inventory: Inventory, domain: Domain) -> None:
    """Raises OperationInvalid (55) when it is inactive, asleep or running."""
    require_active(domain)
    _require_awake(domain)
    if domain.state == DomainState.RUNNING:
        raise OperationInvalid("domain is already running")
    run(domain, RUNNING_UNPAUSED)
    inventory.put_domain(domain)


def run(domain: Domain, reason: int) -> None:
    """Let the guest run; its memory and images are its own again."""
    domain.state, domain.reason = DomainState.RUNNING, reason
    domain.written_out = None


def boot(inventory: Inventory, domain: Domain, text: str, *, paused: bool) -> None:
    """Give the domain a process made of ``text``, under a new id.

    Raises ConfigUnsupported (67) for a machine that cannot be, Refused (38) when an image was removed.
    """
    machine.check_startable(text)
    read = domain_xml.read(text)
    for disk in read.disks:
        if disk.source is not None and inventory.files.is_gone(disk.source):
            raise no_such_file(f"Cannot access storage file '{disk.source}'")
    if read.nvram is not None and not inventory.files.exists(read.nvram):
        inventory.files.put(File(read.nvram, NVRAM))
    domain.live = text
    domain.hypervisor_id = inventory.next_id()
    domain.frozen = domain.clock_offset_ns = 0
    domain.booted_vcpus = read.current_vcpus
    run(domain, RUNNING_BOOTED)
    if paused:
        domain.state, domain.reason = DomainState.PAUSED, PAUSED_USER


def go_on(inventory: Inventory, domain: Domain, text: str, *, paused: bool) -> None:
    """Give the domain a process that goes on where it was saved; to QEMU it migrated from there. Raises as ``boot``."""
    boot(inventory, domain, text, paused=paused)
    domain.reason = PAUSED_MIGRATING if paused else RUNNING_RESTORED


def stop(inventory: Inventory, domain: Domain, reason: int) -> None:
    """End the domain's process, if it has one. A transient domain is gone afterwards, and with it its snapshots."""
    if domain.active:
        end(inventory, domain, reason)


def end(inventory: Inventory, domain: Domain, reason: int) -> None:
    """As ``stop``, and whether or not there was a process, ``reason`` says why there is none."""
    domain.live = domain.hypervisor_id = None
    domain.written_out = None
    domain.state, domain.reason = DomainState.SHUTOFF, reason
    if domain.persistent:
        inventory.put_domain(domain)
    else:
        inventory.remove_domain(domain)


def require_active(domain: Domain) -> None:
    """Raises OperationInvalid (55)."""
    if not domain.active:
        raise OperationInvalid("domain is not running")


def require_running(domain: Domain) -> None:
    """Raises OperationInvalid (55), also for a guest that is paused or asleep."""
    if domain.state != DomainState.RUNNING:
        raise OperationInvalid("domain is not running")


def startable(inventory: Inventory, read: DomainDefinition) -> Domain:
    """The inactive domain that a definition is about to start. Raises OperationFailed (9), OperationInvalid (55)."""
    domain = named_in(inventory, read)
    if domain.active:
        raise OperationInvalid(f"domain '{domain.name}' is already active")
    return domain


def named_in(inventory: Inventory, read: DomainDefinition) -> Domain:
    """The domain a definition speaks of, a new one if need be.

    Raises OperationFailed (9) when names and UUIDs cross.
    """
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


def no_such_file(what: str) -> Refused:
    """The error (38) that libvirt passes on from the operating system, of what it was about."""
    return Refused(f"{what}: No such file or directory", number=38)


def _require_awake(domain: Domain) -> None:
    if domain.state == DomainState.PMSUSPENDED:
        raise OperationInvalid("domain is pmsuspended")
