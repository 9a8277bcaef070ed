"""What a host's URI may be, and what it tells before anybody answered there."""

import re
from urllib.parse import urlsplit

from domain_model.errors import InvalidArgument


def check_uri(uri: str) -> None:
    """Refuse (8) what cannot be a host's URI."""
    parts = urlsplit(uri)
    if parts.scheme == "simulator":
        if parts.netloc or not re.fullmatch(r"/[A-Za-z0-9_.-]+", parts.path) or parts.path.startswith("/."):
            raise InvalidArgument(
                f"'{uri}' in field 'uri' names no simulator", field="uri", value=uri, accepted="simulator:///NAME"
            )
    elif not parts.scheme or parts.password:
        raise InvalidArgument(
            "the URI has no scheme" if not parts.scheme else "the URI holds a password, which would be recorded",
            field="uri",
            accepted="a libvirt URI such as qemu:///system or qemu+ssh://HOST/system, or simulator:///NAME",
        )


def unique_uuids(uri: str) -> bool:
    """Whether the hypervisor behind a URI gives no UUID that others give too: libvirt's test driver does."""
    return urlsplit(uri).scheme.partition("+")[0] != "test"
