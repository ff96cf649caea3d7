"""What was learned of devices and of the networks they are on."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passports",
        sa.Column("network", sa.Integer(), nullable=False),
        sa.Column("address", AutoString(), nullable=False),
        sa.Column("instance", sa.Integer(), nullable=False),
        sa.Column("document", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("network", "address", "instance", name="pk_passports"),
    )
    op.create_table(
        "network_passports",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_network_passports"),
    )


def downgrade() -> None:
    for table in ("network_passports", "passports"):
        op.drop_table(table)
