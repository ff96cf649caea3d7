"""The first tables: claims, audit (append-only by trigger), alarms, catalog."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    # INSERT OR REPLACE deletes without firing the delete trigger
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
)


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("point", AutoString(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("value", AutoString(), nullable=False),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.Column("command", AutoString(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("unproven", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("point", "priority", name="pk_claims"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("of", sa.Integer(), nullable=True),
        sa.Column("time", UTCDateTime(), nullable=False),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("action", AutoString(), nullable=False),
        sa.Column("target", AutoString(), nullable=False),
        sa.Column("value", AutoString(), nullable=True),
        sa.Column("found", AutoString(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("request", AutoString(), nullable=False),
        sa.Column("result", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["of"], ["audit.seq"], name="fk_audit_of_audit"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_of", "audit", ["of"], unique=True)
    op.create_index("ix_audit_target", "audit", ["target"])
    for trigger in APPEND_ONLY:
        op.execute(trigger)
    op.create_table(
        "alarms",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("severity", AutoString(), nullable=False),
        sa.Column("about", AutoString(), nullable=False),
        sa.Column("where", AutoString(), nullable=False),
        sa.Column("text", AutoString(), nullable=False),
        sa.Column("value", AutoString(), nullable=False),
        sa.Column("limit", AutoString(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("ended", UTCDateTime(), nullable=True),
        sa.Column("acknowledged", UTCDateTime(), nullable=True),
        sa.Column("acknowledged_by", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
    )
    op.create_table(
        "devices",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("document", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
    )
    op.create_table(
        "points",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("device", AutoString(), nullable=False),
        sa.Column("document", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_points"),
    )
    op.create_index("ix_points_device", "points", ["device"])
    op.create_table(
        "spaces",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("document", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spaces"),
    )


def downgrade() -> None:
    for table in ("spaces", "points", "devices", "alarms", "audit", "claims"):
        op.drop_table(table)
