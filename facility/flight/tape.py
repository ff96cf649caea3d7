"""Reads what the recorder wrote: the frames of a day, and the catalogs they speak of. Damaged lines are counted."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from facility.flight.frames import Frame, frame
from points.catalog import Catalog
from points.errors import PointsError
from points.model import Point, Space

_POINTS, _SPACES = TypeAdapter(list[Point]), TypeAdapter(list[Space])


class NotRecorded(PointsError):
    """There is no record of it; the text says what there is."""


@dataclass(slots=True)
class Tape:
    """The folder of the recorder."""

    folder: Path
    damaged: int = field(default=0, init=False)
    """Lines that could not be read: the last one of a file, if the agent was killed while it wrote."""

    def days(self) -> list[str]:
        """Which days are on file, in order."""
        return sorted({path.name.split(".")[0] for path in self.folder.glob("*.jsonl*")})

    def frames(self, day: date) -> Iterator[Frame]:
        """In the order in which they happened. Raises `NotRecorded`."""
        packed, plain = self.folder / f"{day}.jsonl.gz", self.folder / f"{day}.jsonl"
        if not packed.exists() and not plain.exists():
            known = self.days()
            there = f"the days on file are {known[0]} to {known[-1]}" if known else "nothing is on file yet"
            raise NotRecorded(f"{day} was not recorded: {there}.")
        for path in (packed, plain):
            if path.exists():
                yield from self._read(path)

    def catalog(self, digest: str) -> Catalog:
        """What the building was made of. Raises `NotRecorded`."""
        path = self.folder / f"catalog-{digest}.json.gz"
        try:
            document = orjson.loads(gzip.decompress(path.read_bytes()))
            points, spaces = (_POINTS.validate_python(document["points"]), _SPACES.validate_python(document["spaces"]))
        except (OSError, ValueError, KeyError, ValidationError) as error:
            raise NotRecorded(f"The catalog of that day cannot be read ({path.name}): {error}") from None
        return Catalog.of([], points, spaces)

    def _read(self, path: Path) -> Iterator[Frame]:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            try:
                for text in file:
                    try:
                        yield frame(text)
                    except (ValueError, KeyError, TypeError):
                        self.damaged += 1
            except (EOFError, OSError):  # a packed file that was cut off
                self.damaged += 1
