"""Validating XML against libvirt's own schemas, as ``--validate`` asks for (VIR_DOMAIN_DEFINE_VALIDATE and its like).

A hypervisor that is asked to validate uses the schemas that came with it, and only when it is its turn. Here a document
is refused before anything is recorded, and for hypervisors that know no schemas too. The schemas (RELAX NG) are
libvirt's and not shipped with Revisor: Debian 12 has them in the package ``libvirt0``, in
``/usr/share/libvirt/schemas``. Where there are none, asking for them is refused: silence could be taken for a yes.

Of a document that is not valid libxml2 mostly tells that its root is not. So what is to blame is looked for: the
smallest piece without which the document would be valid.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from lxml import etree

from domain_model import xml
from domain_model.errors import OperationUnsupported, XmlInvalid

FOLDERS = (Path("/usr/share/libvirt/schemas"), Path("/usr/local/share/libvirt/schemas"))
ROOTS = ("domain", "domainsnapshot", "domaincheckpoint", "domainbackup")

_EFFORT = 50_000
"""How many elements are gone through in search of the one to blame, in all tries together: a third of a second."""


def validate(text: str, root: str, *, folders: Sequence[Path] = FOLDERS) -> None:
    """Refuse a document unless libvirt's schema for documents called ``root``, one of ROOTS, allows it.

    Raises MalformedXml (27) if it is no such document at all, XmlInvalid (92) with the line and the path of what is to
    blame and never a value, OperationUnsupported (84) where the schema is not installed.
    """
    document = xml.parse(text, root=root)
    schema = _compiled(_file(root, folders))
    complaints = schema.complaints(document)
    if not complaints:
        return
    tries = _EFFORT // sum(1 for _ in document.iter())
    blamed, attribute = _Search(document, lambda: not schema.complaints(document), tries).found()
    near = ""
    if blamed is document and attribute is None:
        blamed, near = _nearest(document, complaints), "near "
    path = document.getroottree().getpath(blamed).lstrip("/") + (f"/@{attribute}" if attribute else "")
    # The one kind of complaint that names what is not there, in the schema's words.
    missing = [f": {complaint.message}" for complaint in complaints if complaint.type_name == "RELAXNG_ERR_NOELEM"]
    raise XmlInvalid(
        f"line {blamed.sourceline}, {near}{xml.shown(path)}{''.join(missing[:1])}",
        field=xml.shown(path),
        accepted=f"what libvirt's schema {root}.rng allows",
    )


class _Schema:
    """A compiled schema, for any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = Lock()
        self._compiled = etree.RelaxNG(etree.parse(file, etree.XMLParser(no_network=True, load_dtd=False)))

    def complaints(self, document: etree._Element) -> list[Any]:
        """What libxml2 has to say against a document; nothing if it is valid. The messages may quote it."""
        with self._lock:
            return [] if self._compiled.validate(document) else list(self._compiled.error_log)


@cache
def _compiled(file: Path) -> _Schema:
    return _Schema(file)


def _file(root: str, folders: Sequence[Path]) -> Path:
    file = next((file for folder in folders if (file := folder / f"{root}.rng").is_file()), None)
    if file is None:
        raise OperationUnsupported(
            f"libvirt's schema {root}.rng is not installed where Revisor runs, so no document can be held against it",
            field="validate",
            accepted=f"libvirt's schemas (Debian 12: package libvirt0) in {' or '.join(map(str, folders))}",
        )
    return file


class _Search:
    """The search for the smallest piece of a document without which it would be valid; the last of several."""

    def __init__(self, document: etree._Element, is_valid: Callable[[], bool], tries: int) -> None:
        self._document = document
        self._is_valid = is_valid
        self._tries = tries

    def found(self) -> tuple[etree._Element, str | None]:
        """The element, and its attribute if it is that alone. The document, if no one piece is to blame."""
        inside = self._document
        while (child := next(filter(self._spoils, reversed(inside)), None)) is not None:
            inside = child
        names = [str(name) for name in inside.attrib]
        spoiling = next((name for name in names if self._attribute_spoils(inside, name)), None)
        return inside, None if spoiling is None else etree.QName(spoiling).localname

    def _spoils(self, child: etree._Element) -> bool:
        parent = child.getparent()
        assert parent is not None
        place = parent.index(child)
        parent.remove(child)
        try:
            return self._tried()
        finally:
            parent.insert(place, child)

    def _attribute_spoils(self, element: etree._Element, name: str) -> bool:
        value = element.attrib.pop(name)
        try:
            return self._tried()
        finally:
            element.set(name, value)

    def _tried(self) -> bool:
        self._tries -= 1
        return self._tries >= 0 and self._is_valid()


def _nearest(document: etree._Element, complaints: Sequence[Any]) -> etree._Element:
    """The deepest element that libxml2 complains of."""
    paths = [str(complaint.path) for complaint in complaints if complaint.path]
    deepest = max(paths, key=lambda path: path.count("/"), default="/*")
    found: Any = document.getroottree().xpath(deepest)
    return found[0] if found else document
