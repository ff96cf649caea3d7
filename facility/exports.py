"""What other programs may rely on: the export of passports. `python -m facility.exports` writes its JSON Schema.

The file in the repository is what a reader validates against; a test fails when it is not what the models say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema

from facility.wire import DeviceInfo, Hello, PassportInfo, Wire

DEFAULT_FILE = Path("docs/schemas/passports-v1.json")


class ExportedPassport(Wire):
    """One device: which it is, and what it was found able to do."""

    device: str
    network: int
    address: str
    instance: int
    name: str
    vendor: str
    model: str
    quarantine: str
    passport: PassportInfo


class ExportedNetwork(Wire):
    """The way to one network, and what it was found to bear. 0 is the local one."""

    number: int
    outstanding: int | None  # requests at once, to all of its devices together; None: no end seen
    router: str
    learned_at: datetime | None


class PassportBook(Wire):
    """`facility passport --json`."""

    format: Literal["facility-passports-1"] = "facility-passports-1"
    site: str
    agent: str
    at: datetime
    devices: list[ExportedPassport]
    networks: list[ExportedNetwork]  # of these devices


def passport_book(hello: Hello, devices: Iterable[DeviceInfo], at: datetime | None = None) -> PassportBook:
    """The passports of `devices`, in the order of their ids, and of the networks they are on."""
    known = sorted((device for device in devices if device.passport is not None), key=lambda device: device.id)
    ways = {device.network: device.passport for device in known if device.passport is not None}
    return PassportBook(
        site=hello.site,
        agent=hello.agent,
        at=at or datetime.now(UTC),
        devices=[
            ExportedPassport(
                device=device.id,
                network=device.network,
                address=device.address,
                instance=device.instance,
                name=device.name,
                vendor=device.vendor,
                model=device.model,
                quarantine=device.quarantine,
                passport=device.passport,
            )
            for device in known
            if device.passport is not None
        ],
        networks=[
            ExportedNetwork(
                number=number,
                outstanding=passport.network_outstanding,
                router=passport.router,
                learned_at=passport.network_learned_at,
            )
            for number, passport in sorted(ways.items())
        ],
    )


def schema() -> dict[str, Any]:
    said = PassportBook.model_json_schema(mode="serialization")
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": "urn:facility-agent:v1:passports", **said}


def text() -> str:
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
