"""What a host's URI may be, and what it tells before anybody answered there."""

import re
from urllib.parse import urlsplit

from domain_model.errors import InvalidArgument

_ACCEPTED = "a libvirt URI such as qemu:///system or qemu+ssh://HOST/system, or simulator:///NAME"
_LIBVIRT_DRIVERS = frozenset(
    [
        "bhyve",
        "ch",
        "esx",
        "gsx",
        "hyperv",
        "lxc",
        "openvz",
        "parallels",
        "qemu",
        "test",
        "vbox",
        "vmwarefusion",
        "vmwareplayer",
        "vmwarews",
        "vpx",
        "vz",
        "xen",
    ]
)
"""The words before ``+TRANSPORT`` and ``://`` that libvirt 9.0 knows."""


def check_uri(uri: str) -> None:
    """Refuse (8) what cannot be a host's URI."""
    parts = urlsplit(uri)
    if parts.scheme == "simulator":
        if parts.netloc or not re.fullmatch(r"/[A-Za-z0-9_.-]+", parts.path) or parts.path.startswith("/."):
            raise InvalidArgument(
                f"'{uri}' in field 'uri' names no simulator", field="uri", value=uri, accepted="simulator:///NAME"
            )
    elif parts.password:
        raise InvalidArgument("the URI holds a password, which would be recorded", field="uri", accepted=_ACCEPTED)
    elif parts.scheme.partition("+")[0] not in _LIBVIRT_DRIVERS:
        raise InvalidArgument(
            f"'{uri}' in field 'uri' begins with no hypervisor", field="uri", value=uri, accepted=_ACCEPTED
        )


def unique_uuids(uri: str) -> bool:
    """Whether the hypervisor behind a URI gives no UUID that others give too: libvirt's test driver does."""
    return urlsplit(uri).scheme.partition("+")[0] != "test"
