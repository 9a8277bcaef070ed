"""What can go wrong, in the caller's language.

    RevisorError
    ├── Refused              the answer is no, with libvirt's number; nothing was changed
    │   ├── NotSupported           3
    │   ├── InvalidArgument        8
    │   ├── InvalidFlags           8
    │   ├── OperationFailed        9
    │   ├── MalformedXml          27
    │   ├── NoDomain              42
    │   ├── OperationInvalid      55
    │   │   └── HostDisabled          its maintainers let nothing new begin there
    │   ├── ConfigUnsupported     67
    │   ├── NoSnapshot            72
    │   ├── ArgumentUnsupported   74
    │   ├── RevertRisky           77
    │   ├── OperationUnsupported  84
    │   ├── XmlInvalid            92
    │   ├── NoCheckpoint         103
    │   ├── NoBackup             104
    │   ├── CheckpointInconsistent 109
    │   └── HypervisorUnreachable 38  nobody answered, and nothing had been asked yet
    └── OutcomeUnknown       the answer was lost: look before acting, and destroy nothing on it

Numbers and message prefixes are libvirt's (virterror.h, the message table of virerror.c): scripts read them.
Other hypervisor errors arrive as a plain ``Refused`` carrying the number the hypervisor gave.
"""

from typing import ClassVar


class RevisorError(Exception):
    """Anything Revisor itself reports."""


class Refused(RevisorError):
    """The request was refused, with libvirt's error ``number``.

    ``message`` is the whole sentence, prefix included, as a person reads it. ``field``, ``value`` and ``accepted``
    name what was wrong and what would be accepted. They never hold a secret or a piece of a user's XML.
    """

    prefix: ClassVar[str] = ""
    default_number: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: str | None = None,
        accepted: str | None = None,
        number: int | None = None,
    ) -> None:
        self.message = self.prefix + message
        super().__init__(self.message)
        self.number = self.default_number if number is None else number
        self.field = field
        self.value = value
        self.accepted = accepted

    def lies_within(self, place: str) -> None:
        """Have the field say that it is a part of ``place``, which only a caller knows."""
        self.field = place if self.field is None else f"{place}/{self.field}"

    @property
    def name(self) -> str:
        """libvirt's name of the number, without VIR_ERR_."""
        return ERROR_NAMES.get(self.number, "INTERNAL_ERROR")


class NotSupported(Refused):
    """This kind of hypervisor cannot do it at all."""

    prefix = "this function is not supported by the connection driver: "
    default_number = 3


class InvalidArgument(Refused):
    prefix = "invalid argument: "
    default_number = 8


class InvalidFlags(Refused):
    """What libvirt's public API refuses by itself, such as flags that exclude one another: printed without a prefix."""

    default_number = 8


class OperationFailed(Refused):
    prefix = "operation failed: "
    default_number = 9


class MalformedXml(Refused):
    prefix = "XML error: "
    default_number = 27


class NoDomain(Refused):
    prefix = "Domain not found: "
    default_number = 42


class OperationInvalid(Refused):
    prefix = "Requested operation is not valid: "
    default_number = 55


class HostDisabled(OperationInvalid):
    """The host's maintainers let nothing new begin there."""


class ConfigUnsupported(Refused):
    prefix = "unsupported configuration: "
    default_number = 67


class NoSnapshot(Refused):
    prefix = "Domain snapshot not found: "
    default_number = 72


class ArgumentUnsupported(Refused):
    prefix = "argument unsupported: "
    default_number = 74


class RevertRisky(Refused):
    prefix = "revert requires force: "
    default_number = 77


class OperationUnsupported(Refused):
    prefix = "Operation not supported: "
    default_number = 84


class XmlInvalid(Refused):
    """A document that libvirt's own schema for it does not allow."""

    prefix = "XML document failed to validate against schema: "
    default_number = 92


class NoCheckpoint(Refused):
    prefix = "Domain checkpoint not found: "
    default_number = 103


class NoBackup(Refused):
    """No backup job runs."""

    prefix = "Domain backup job id not found: "
    default_number = 104


class CheckpointInconsistent(Refused):
    """A checkpoint whose bitmap is missing or broken: nothing can be backed up from it."""

    prefix = "checkpoint inconsistent: "
    default_number = 109


class HypervisorUnreachable(Refused):
    """The hypervisor did not answer, and nothing had been asked of it yet: safe to try again."""

    prefix = "Cannot reach the hypervisor: "
    default_number = 38


class OutcomeUnknown(RevisorError):
    """The hypervisor was asked and the answer was lost. It may or may not have happened."""


def refusal(number: int, message: str) -> Refused:
    """A hypervisor's own refusal: of the class its number names, with its whole sentence as it was given.

    libvirt leaves the prefix out of some of its sentences (flag errors, numbers 35 and 38), so none may be added here.
    """
    kinds = [
        kind for kind in Refused.__subclasses__() if kind.default_number == number and kind is not HypervisorUnreachable
    ]
    # Number 8 has two classes, with a prefix and without.
    fitting = sorted((kind for kind in kinds if message.startswith(kind.prefix)), key=lambda kind: len(kind.prefix))
    kind = (fitting[-1:] or kinds or [Refused])[0]
    error = kind("", number=number)
    error.message = message
    error.args = (message,)
    return error


ERROR_NAMES = {
    1: "INTERNAL_ERROR",
    3: "NO_SUPPORT",
    8: "INVALID_ARG",
    9: "OPERATION_FAILED",
    20: "NO_TARGET",
    21: "NO_NAME",
    27: "XML_ERROR",
    28: "DOM_EXIST",
    29: "OPERATION_DENIED",
    35: "XML_DETAIL",
    38: "SYSTEM_ERROR",
    42: "NO_DOMAIN",
    45: "AUTH_FAILED",
    55: "OPERATION_INVALID",
    67: "CONFIG_UNSUPPORTED",
    68: "OPERATION_TIMEOUT",
    71: "INVALID_DOMAIN_SNAPSHOT",
    72: "NO_DOMAIN_SNAPSHOT",
    74: "ARGUMENT_UNSUPPORTED",
    77: "SNAPSHOT_REVERT_RISKY",
    78: "OPERATION_ABORTED",
    80: "NO_DOMAIN_METADATA",
    81: "MIGRATE_UNSAFE",
    83: "BLOCK_COPY_ACTIVE",
    84: "OPERATION_UNSUPPORTED",
    86: "AGENT_UNRESPONSIVE",
    87: "RESOURCE_BUSY",
    88: "ACCESS_DENIED",
    92: "XML_INVALID_SCHEMA",
    99: "DEVICE_MISSING",
    103: "NO_DOMAIN_CHECKPOINT",
    104: "NO_DOMAIN_BACKUP",
    109: "CHECKPOINT_INCONSISTENT",
}
