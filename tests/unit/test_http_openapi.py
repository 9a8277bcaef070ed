"""The checked-in OpenAPI document is the one that is answered, and leaves nothing out."""

import json
from pathlib import Path
from typing import Any

from revisor.http.openapi import openapi_text
from tests.architecture.copied_house import ROOT
from tests.unit.test_http_fake_service import FakeService, open_door

CHECKED_IN = Path(ROOT, "docs/reference/openapi.json")


def document() -> dict[str, Any]:
    checked_in: dict[str, Any] = json.loads(CHECKED_IN.read_text(encoding="utf-8"))
    return checked_in


def test_the_checked_in_document_is_current() -> None:
    again = "write it again: python -m revisor.http.openapi docs/reference/openapi.json"
    assert CHECKED_IN.read_text(encoding="utf-8") == openapi_text(), again


def test_the_document_is_answered_as_well() -> None:
    with open_door(FakeService()) as client:
        assert client.get("/v1/openapi.json").body == document()


def test_every_operation_says_what_it_does_and_how_it_refuses() -> None:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)
            refused = operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"]
            assert refused.endswith("/ErrorBody"), (method, path)
            assert "422" not in operation["responses"], (method, path)


def test_every_reference_leads_somewhere() -> None:
    text = CHECKED_IN.read_text(encoding="utf-8")
    named = set(document()["components"]["schemas"])
    referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= named
    assert named - referred == set()
