"""Choosing parts of a document by an XPath expression, as virsh's --xpath and --wrap do."""

from copy import deepcopy
from typing import Any

from lxml import etree

from domain_model import xml
from revisor.cli.verb import BadValue


def selected(text: str, expression: str, *, wrap: bool) -> str:
    """What the expression finds, each thing on lines of its own; with ``wrap`` below a root called nodes.

    Raises BadValue for an expression that is none, or that finds no nodes but a number or the like.
    """
    try:
        found: Any = xml.parse(text, root=None).getroottree().xpath(expression)
    except etree.XPathError as error:
        raise _bad(expression, str(error)) from error
    if not isinstance(found, list):
        raise _bad(expression, "it finds no nodes")
    if not wrap:
        return "".join(f"{_written(each)}\n" for each in found)
    nodes = etree.Element("nodes")
    nodes.extend(_alone(each) for each in found if etree.iselement(each))
    return f"{_written(nodes)}\n"


def _written(found: Any) -> str:
    if etree.iselement(found):
        alone = _alone(found)
        etree.indent(alone)
        return etree.tostring(alone, encoding="unicode")
    if getattr(found, "is_attribute", False):
        return f' {found.attrname}="{xml.escape(str(found))}"'
    return str(found)


def _alone(element: etree._Element) -> etree._Element:
    alone = deepcopy(element)
    alone.tail = None
    etree.cleanup_namespaces(alone)
    return alone


def _bad(expression: str, why: str) -> BadValue:
    return BadValue(
        f"Incorrect xpath '{expression}': {why}", field="xpath", value=expression, accepted="XPath 1.0 that finds nodes"
    )
