"""What never reaches libvirt because its binding cannot carry it is a refusal, not an accident."""

from types import SimpleNamespace

import pytest

from domain_model.errors import InvalidArgument
from drivers.libvirt import edge


def test_a_number_too_large_for_the_binding_is_refused_with_8() -> None:
    library = SimpleNamespace(libvirtError=RuntimeError)
    with pytest.raises(InvalidArgument, match="too large for libvirt"), edge.acting(library, None):
        raise OverflowError("Python int too large to convert to C long")
