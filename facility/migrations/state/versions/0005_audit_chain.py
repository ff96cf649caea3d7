"""The audit becomes a chain: bytes, hash, role, origin and rule of each entry; anchors. What is there is chained.

The bytes are made here as they were first defined, whatever `facility.audit.record` makes of later entries.
"""

import hashlib
import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NO_UPDATE = """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"""

ANCHORS_KEPT = (
    """CREATE TRIGGER audit_anchors_no_update BEFORE UPDATE ON audit_anchors
    BEGIN SELECT RAISE(ABORT, 'the anchors of the audit are append-only'); END""",
    """CREATE TRIGGER audit_anchors_no_delete BEFORE DELETE ON audit_anchors
    BEGIN SELECT RAISE(ABORT, 'the anchors of the audit are append-only'); END""",
    """CREATE TRIGGER audit_anchors_no_replace BEFORE INSERT ON audit_anchors
    WHEN EXISTS (SELECT 1 FROM audit_anchors WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the anchors of the audit are append-only'); END""",
)

FIELDS = ("kind", "of", "by", "action", "target", "value", "found", "priority", "reason", "request", "result")


def upgrade() -> None:
    for name in ("role", "origin", "rule", "previous", "hash"):
        op.add_column("audit", sa.Column(name, AutoString(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("canonical", sa.LargeBinary(), nullable=False, server_default=sa.text("x''")))
    op.create_table(
        "audit_anchors",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("agent", AutoString(), nullable=False),
        sa.Column("hash", AutoString(), nullable=False),
        sa.Column("time", UTCDateTime(), nullable=False),
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("signature", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_anchors"),
    )
    for trigger in ANCHORS_KEPT:
        op.execute(trigger)
    op.execute("DROP TRIGGER audit_no_update")
    _chain(op.get_bind())
    op.execute(NO_UPDATE)


def downgrade() -> None:
    op.drop_table("audit_anchors")
    for name in ("canonical", "hash", "previous", "rule", "origin", "role"):
        op.execute(f"ALTER TABLE audit DROP COLUMN {name}")


def _chain(connection: sa.Connection) -> None:
    """Every entry in the order of its number, then a note that says so, and which numbers were not there."""
    names = ", ".join(f'"{name}"' for name in FIELDS)
    rows = connection.exec_driver_sql(f"SELECT seq, time, {names} FROM audit ORDER BY seq").all()
    if not rows:
        return
    previous, last, missing = "00" * 32, 0, []
    for seq, time, *others in rows:
        if seq > last + 1:
            missing.append([last + 1, seq - 1])
        fields = {**dict(zip(FIELDS, others, strict=True)), "seq": seq, "role": "", "origin": "", "rule": ""}
        canonical, digest = _hashed(previous, fields, datetime.fromisoformat(time))
        change = "UPDATE audit SET canonical = ?, previous = ?, hash = ? WHERE seq = ?"
        connection.exec_driver_sql(change, (canonical, previous, digest, seq))
        previous, last = digest, seq
    _note(connection, previous, last, missing, len(rows))


def _note(connection: sa.Connection, previous: str, last: int, missing: list[list[int]], count: int) -> None:
    now = datetime.now(UTC)
    counted = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").scalar() or last
    if counted > last:
        missing.append([last + 1, counted])
    fields = {
        **dict.fromkeys(FIELDS, ""),
        **dict.fromkeys(("of", "value", "priority")),
        "seq": counted + 1,
        "kind": "note",
        "by": "agent",
        "action": "chain",
        "target": "audit",
        "role": "",
        "origin": "",
        "rule": "",
        "found": json.dumps(missing) if missing else None,
        "reason": f"{count} entries from before were chained at the upgrade",
    }
    canonical, digest = _hashed(previous, fields, now)
    row = {**fields, "time": now.strftime("%Y-%m-%d %H:%M:%S.%f")}
    row |= {"canonical": canonical, "previous": previous, "hash": digest}
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" * len(row))
    connection.exec_driver_sql(f"INSERT INTO audit ({names}) VALUES ({marks})", tuple(row.values()))


def _hashed(previous: str, fields: dict[str, object], time: datetime) -> tuple[bytes, str]:
    said = {**fields, "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return canonical, hashlib.sha256(bytes.fromhex(previous) + canonical).hexdigest()
