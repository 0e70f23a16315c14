"""Liveness: whether this process answers at all. It asks nobody else."""

from apiflask import APIBlueprint

from app.api.schemas import Out

blueprint = APIBlueprint("health", __name__, tag="Health")


class HealthOut(Out):
    """Alive."""

    status: str = "ok"


@blueprint.get("/healthz")
@blueprint.output(HealthOut)
@blueprint.doc(summary="Is the process alive?")
def healthz() -> HealthOut:
    """Liveness.

    Answers without asking the database or Redis: a restart would not mend those.
    """
    return HealthOut()
