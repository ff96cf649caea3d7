"""How Alembic reaches the history database: over the connection that `SqliteFile.upgrade` hands it."""

from alembic import context

from points.history.rows import HistoryRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=HistoryRow.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
