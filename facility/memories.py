"""What policies remember, on disk: a document for each policy in the state database.

A memory that cannot be read any more, because the policy is another kind or remembers other things now, is dropped and
told: the policy begins anew, as it does at a new site.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, delete, select

from facility.database import StateDatabase
from facility.flight.frames import form_of
from facility.rows import PageRow, keep_page, page, table_of, upsert
from schedules.policy import Memory, Policy
from schedules.steadiness import Carried

log = structlog.get_logger(__name__)

PREFIX = "memory:"
STEADY = "steadiness"

_CARRIED = TypeAdapter(Carried)

_PAGES = table_of(PageRow)


class Memories:
    """`schedules.remembering.Remembering`, in the state database."""

    def __init__(self, db: StateDatabase, memories: Mapping[str, Memory], carried: Carried | None = None) -> None:
        self._db = db
        self._memories = memories
        self._carried = carried

    @classmethod
    async def open(cls, db: StateDatabase, policies: Iterable[Policy]) -> Memories:
        """With what these policies remembered when the agent last ran."""
        documents = await db.run(_documents)
        found = ((policy, documents.get(policy.name)) for policy in policies)
        read = {policy.name: _read(policy, document) for policy, document in found if document is not None}
        kept = await db.run(lambda connection: page(connection, STEADY))
        return cls(db, {name: memory for name, memory in read.items() if memory is not None}, _carried(kept))

    def load(self) -> Mapping[str, Memory]:
        return self._memories

    def carried(self) -> Carried | None:
        return self._carried

    async def carry(self, carried: Carried) -> None:
        document = _CARRIED.dump_json(carried).decode()
        await self._db.run(lambda connection: keep_page(connection, STEADY, document))

    async def keep(self, memories: Mapping[str, Memory | None]) -> None:
        if not memories:
            return
        pages = [{"name": PREFIX + name, "document": _text(each)} for name, each in memories.items() if each]
        gone = [PREFIX + name for name, memory in memories.items() if memory is None]

        def work(connection: Connection) -> None:
            if pages:
                upsert(connection, PageRow, pages)
            if gone:
                connection.execute(delete(_PAGES).where(_PAGES.c.name.in_(gone)))

        await self._db.run(work)


def _carried(document: str | None) -> Carried | None:
    if document is None:
        return None
    try:
        return _CARRIED.validate_json(document)
    except ValidationError:
        return None  # what is not known to be steady is only waited for


def _documents(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(_PAGES.c.name, _PAGES.c.document).where(_PAGES.c.name.startswith(PREFIX)))
    return {name.removeprefix(PREFIX): document for name, document in rows}


def _text(memory: Memory) -> str:
    return json.dumps({"of": type(memory).__name__, "memory": form_of(type(memory)).dump_python(memory, mode="json")})


def _read(policy: Policy, document: str) -> Memory | None:
    try:
        kept = json.loads(document)
        if policy.remembers is None or kept["of"] != policy.remembers.__name__:
            return None
        return form_of(policy.remembers).validate_python(kept["memory"], strict=False)
    except (ValueError, KeyError, TypeError) as error:  # pydantic's is a ValueError
        log.warning("memory dropped: it cannot be read any more", policy=policy.name, why=type(error).__name__)
        return None
