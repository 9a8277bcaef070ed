"""Writes docs/reference/openapi.json: ``python -m revisor.http.openapi docs/reference/openapi.json``."""

import json
import sys
from pathlib import Path
from typing import Any, cast

from revisor.http.app import make_app
from revisor.service import Service
from revisor.status import StatusReader


def openapi_text() -> str:
    """The OpenAPI document as it is checked in."""
    nothing: Any = None  # the document is made from the routes alone
    app = make_app(cast("Service", nothing), cast("StatusReader", nothing))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(openapi_text(), encoding="utf-8")
