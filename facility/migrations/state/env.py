"""How Alembic reaches the state database: always through the connection it is given.

A revision is applied whole or not at all: SQLite can roll schema changes back, but Python's driver
opens a transaction for them only when told to.
"""

from alembic import context

from facility.rows import StateRow

connection = context.config.attributes["connection"]
connection.exec_driver_sql("BEGIN IMMEDIATE")
context.configure(
    connection=connection,
    target_metadata=StateRow.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
