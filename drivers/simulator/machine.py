"""What a definition says of the machine: what its guest can do, whether it can be started, whether it is the same one.

The comparison is the part of libvirt's ABI check that needs no real machine (libvirt-semantics 1.3), with its
sentences. What one of two definitions leaves out is not compared: libvirt would have filled in its defaults.
"""

from collections.abc import Callable, Iterator

from lxml import etree

from domain_model import domain_xml, xml
from domain_model.errors import ConfigUnsupported

_AGENT = "org.qemu.guest_agent.0"
_TYPES = frozenset(
    "none qemu kqemu kvm xen lxc uml openvz test vmware hyperv vbox phyp parallels vz bhyve hvf".split()  # noqa: SIM905
)
"""All that libvirt knows. A real host takes those it can run; a simulated one imagines them all."""
_MOST_CPUS = {"pc": 255, "q35": 288}

# Kinds of devices that libvirt adds none of by itself, in its words.
_COUNTED = {
    "disk": "domain disk",
    "filesystem": "domain filesystem",
    "interface": "domain net card",
    "sound": "domain sound card",
    "hostdev": "domain host device",
    "serial": "domain serial port",
    "parallel": "domain parallel port",
    "channel": "domain channel",
    "redirdev": "domain USB redirector",
    "watchdog": "domain watchdog",
    "rng": "domain RNG device",
    "shmem": "domain shared memory device",
    "tpm": "domain TPM device",
}


def agent_of(text: str) -> str | None:
    """Whether a guest agent can be spoken to: ``connected``, ``disconnected``, or None where none is configured."""
    for target in xml.parse(text, root=None).findall("devices/channel/target"):
        if target.get("name") == _AGENT:
            return target.get("state", "connected")
    return None


def has_acpi(text: str) -> bool:
    return xml.parse(text, root=None).find("features/acpi") is not None


def has_balloon(text: str) -> bool:
    """Whether its memory can be changed while it runs; a definition that does not say gets a balloon from libvirt."""
    balloon = xml.parse(text, root=None).find("devices/memballoon")
    return balloon is None or balloon.get("model") != "none"


def has_flash(text: str) -> bool:
    """Whether its firmware is in flash memory, which no internal snapshot can hold."""
    os = xml.parse(text, root=None).find("os")
    if os is None:
        return False
    loader = os.find("loader")
    return os.get("firmware") == "efi" or (loader is not None and loader.get("type") == "pflash")


def may_sleep(text: str, how: str) -> bool:
    """Whether ``suspend-to-mem`` or ``suspend-to-disk`` is not switched off."""
    switch = xml.parse(text, root=None).find(f"pm/{how}")
    return switch is None or switch.get("enabled") != "no"


def check_type(definition: domain_xml.DomainDefinition) -> None:
    """Raises ConfigUnsupported (67) for a type of domain that libvirt does not know."""
    if definition.type not in _TYPES:
        accepted = ", ".join(sorted(_TYPES))
        kind = xml.shown(definition.type)
        raise ConfigUnsupported(f"invalid domain type {kind}", field="type", value=kind, accepted=accepted)


def check_startable(text: str) -> None:
    """Raises ConfigUnsupported (67) for more processors than the machine can have."""
    kind = xml.parse(text, root=None).find("os/type")
    machine = "" if kind is None else kind.get("machine", "")
    most = _MOST_CPUS["q35" if "q35" in machine else "pc"]
    if domain_xml.read(text).vcpus > most:
        raise ConfigUnsupported(f"Maximum CPUs greater than specified machine type limit {most}", field="vcpu")


def check_same(source: str, target: str) -> None:
    """Whether a guest would find itself in the same machine. Raises ConfigUnsupported (67)."""
    for difference in _differences(source, target):
        raise ConfigUnsupported(difference)


def _differences(source: str, target: str) -> Iterator[str]:
    ours, theirs = _definition(source), _definition(target)
    for what, of in _FACTS.items():
        if None not in (of(ours), of(theirs)) and of(ours) != of(theirs):
            yield _says(what, of(theirs), of(ours))
    old, new = xml.parse(source, root=None), xml.parse(target, root=None)
    for feature in ("acpi", "pae", "hap"):
        if (old.find(f"features/{feature}") is None) != (new.find(f"features/{feature}") is None):
            states = [_switch(root.find(f"features/{feature}")) for root in (old, new)]
            yield f"State of feature '{feature}' differs: source: '{states[0]}', destination: '{states[1]}'"
    yield from _model(old, new, "cpu/model", "Target CPU model", None)
    for kind, words in _COUNTED.items():
        counts = [len(root.findall(f"devices/{kind}")) for root in (old, new)]
        if counts[0] != counts[1]:
            yield f"Target {words} count {counts[1]} does not match source {counts[0]}"
    yield from _pairwise(old, new, "disk", _disk_differences)
    yield from _pairwise(old, new, "interface", _interface_differences)
    yield from _model(old, new, "devices/memballoon", "Target balloon model", "model")


def _definition(text: str) -> tuple[domain_xml.DomainDefinition, str | None]:
    root = xml.parse(text, root=None)
    kind = root.find("os/type")
    return domain_xml.definition(root), None if kind is None else kind.get("machine")


_FACTS: dict[str, Callable[[tuple[domain_xml.DomainDefinition, str | None]], object]] = {
    "domain virt type {} does not match source {}": lambda one: one[0].type,
    "domain name '{}' does not match source '{}'": lambda one: one[0].name,
    "domain uuid {} does not match source {}": lambda one: one[0].uuid,
    "domain max memory {} does not match source {}": lambda one: one[0].memory_kib,
    "domain current memory {} does not match source {}": lambda one: one[0].current_memory_kib,
    "domain vCPU max {} does not match source {}": lambda one: one[0].vcpus,
    "domain OS type {} does not match source {}": lambda one: one[0].os_type,
    "domain architecture {} does not match source {}": lambda one: one[0].arch,
    "domain machine type {} does not match source {}": lambda one: one[1],
}


def _says(sentence: str, found: object, expected: object) -> str:
    return "Target " + sentence.format(xml.shown(str(found)), xml.shown(str(expected)))


def _switch(feature: etree._Element | None) -> str:
    return "default" if feature is None else "on"


def _model(old: etree._Element, new: etree._Element, path: str, words: str, attribute: str | None) -> Iterator[str]:
    values = []
    for root in (old, new):
        element = root.find(path)
        value = xml.content(element) if attribute is None or element is None else element.get(attribute)
        values.append(value)
    if None not in values and values[0] != values[1]:
        yield f"{words} {xml.shown(str(values[1]))} does not match source {xml.shown(str(values[0]))}"


def _pairwise(
    old: etree._Element,
    new: etree._Element,
    kind: str,
    differences: Callable[[etree._Element, etree._Element], Iterator[str]],
) -> Iterator[str]:
    for one, other in zip(old.findall(f"devices/{kind}"), new.findall(f"devices/{kind}"), strict=False):
        yield from differences(one, other)


def _disk_differences(old: etree._Element, new: etree._Element) -> Iterator[str]:
    for words, path, attribute in (
        ("Target disk device", None, "device"),
        ("Target disk bus", "target", "bus"),
        ("Target disk", "target", "dev"),
    ):
        values = [_value(disk, path, attribute) for disk in (old, new)]
        if None not in values and values[0] != values[1]:
            yield f"{words} {xml.shown(str(values[1]))} does not match source {xml.shown(str(values[0]))}"
    serials = [xml.content(disk.find("serial")) or "<null>" for disk in (old, new)]
    if serials[0] != serials[1]:
        yield f"Target disk serial {xml.shown(serials[1])} does not match source {xml.shown(serials[0])}"
    if _readonly(old) != _readonly(new):
        yield "Target disk access mode does not match source"


def _interface_differences(old: etree._Element, new: etree._Element) -> Iterator[str]:
    for words, path, attribute in (("mac", "mac", "address"), ("model", "model", "type")):
        values = [_value(card, path, attribute) for card in (old, new)]
        if None not in values and str(values[0]).lower() != str(values[1]).lower():
            found, expected = xml.shown(str(values[1])), xml.shown(str(values[0]))
            yield f"Target network card {words} {found} does not match source {expected}"


def _readonly(disk: etree._Element) -> bool:
    return disk.get("device") == "cdrom" or disk.find("readonly") is not None


def _value(device: etree._Element, path: str | None, attribute: str) -> str | None:
    element = device if path is None else device.find(path)
    return None if element is None else element.get(attribute)
