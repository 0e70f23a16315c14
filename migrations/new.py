"""Write the next migration from the models: `python -m migrations.new "why it is needed"`.

It starts a Postgres of its own, brings it to the newest migration and compares it with the models.
"""

import sys
import tempfile
from pathlib import Path

from flask_migrate import revision

from app.config import Settings
from app.extensions import MIGRATIONS, db
from app.factory import create_core
from app.migrate import migrate
from app.standalone.servers import Servers


def write(servers: Servers, message: str) -> None:
    """Add a file to `versions` under the next number."""
    settings = Settings.load(
        database_url=servers.postgres.url,
        redis_url=servers.valkey.url,
        secret_key=servers.secret_key(),
    )
    number = len(list((MIGRATIONS / "versions").glob("*.py"))) + 1
    core = create_core(settings, role="migrate")
    migrate(core)
    with core.app_context():
        revision(message=message, autogenerate=True, rev_id=f"{number:04}")
        db.engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="ringback-migration-") as folder:
        Path(folder).chmod(0o711)
        with Servers(Path(folder)) as running:
            write(running, sys.argv[1])
