"""Writes the JSON Schemas of the MQTT payloads: `python -m facility.mirror.schemas docs/schemas/v1.json`.

The file in the repository is what hospital IT validates against; a test fails when it is not what the models say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from facility.mirror.payloads import MODELS

DEFAULT_FILE = Path("docs/schemas/v1.json")


def bundle() -> dict[str, Any]:
    """All payload models as one JSON Schema document; each is under `$defs` by its name."""
    _, schema = models_json_schema(
        [(model, "serialization") for model in MODELS], title="Facility agent, MQTT payloads", by_alias=True
    )
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": "urn:facility-agent:v1:bundle", **schema}


def text() -> str:
    return json.dumps(bundle(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
