"""Where a claim's ramp goes; consents to relaxations; slots that others hold; pages kept as they last were."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("claims") as claims:
        claims.add_column(sa.Column("goal", AutoString(), nullable=True))
    op.create_table(
        "consents",
        sa.Column("relaxation", AutoString(), nullable=False),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("time", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("relaxation", "by", name="pk_consents"),
    )
    op.create_table(
        "foreign_slots",
        sa.Column("point", AutoString(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("value", AutoString(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("seen", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("point", "level", name="pk_foreign_slots"),
    )
    op.create_table(
        "pages",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("document", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pages"),
    )


def downgrade() -> None:
    for table in ("pages", "foreign_slots", "consents"):
        op.drop_table(table)
    with op.batch_alter_table("claims") as claims:
        claims.drop_column("goal")
