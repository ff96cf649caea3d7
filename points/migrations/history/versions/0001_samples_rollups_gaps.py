"""Series, samples, roll-ups and gaps.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("point", name="uq_series_point"),
    )
    op.create_table(
        "sample",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_sample_series_series"),
        sa.PrimaryKeyConstraint("series", "ts", name="pk_sample"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("mean", sa.Float(), nullable=False),
        sa.Column("last", sa.Float(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("seconds_good", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_rollup_series_series"),
        sa.PrimaryKeyConstraint("series", "start", name="pk_rollup"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gap",
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("start", name="pk_gap"),
    )


def downgrade() -> None:
    for name in ("gap", "rollup", "sample", "series"):
        op.drop_table(name)
