"""The migrations and the models say the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.config import Settings
from app.extensions import MIGRATIONS, Model, db
from app.factory import create_core


def test_a_migrated_database_has_the_tables_that_the_models_describe(settings: Settings) -> None:
    core = create_core(settings, role="test")
    with core.app_context():
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Model.metadata) == []
        db.engine.dispose()


def test_migrations_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("*.py"))
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
