"""The settings: each is declared here, once. `app.config` checks them and puts them together."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CommaList = Annotated[list[str], NoDecode]
CommaNetworks = Annotated[list[IPvAnyNetwork], NoDecode]


class Fields(BaseSettings):
    """Names, kinds, defaults and meanings; the defaults come after all other sources."""

    model_config = SettingsConfigDict(
        env_prefix="RINGBACK_", extra="forbid", frozen=True, allow_inf_nan=False
    )

    environment: Literal["development", "production"] = Field(
        "production",
        description="`development` accepts pages opened from disk and permits demo users.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs tokens and cursors; at least 32 bytes; no default."
    )
    demo_users: bool = Field(
        False, description="Add the two demo users at `migrate`; development only."
    )

    engine: Literal["eventlet", "gevent"] = Field(
        "eventlet", description="The green-thread engine of the server."
    )
    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(5005, ge=0, le=65535, description="Port the server listens on.")
    backlog: int = Field(4096, ge=1, description="Connections the kernel queues before accept.")
    max_connections: int = Field(
        10_000, ge=1, description="Open connections one server process serves at most."
    )
    max_sockets: int = Field(
        9_000, ge=1, description="Socket sessions one server process keeps at most."
    )
    max_sockets_per_user: int = Field(
        20, ge=1, description="The same of one user; each device or tab may have one."
    )
    max_socket_events_per_second: int = Field(
        20, ge=1, description="Events one client may send; twice as many at once, at times."
    )
    reuse_port: bool = Field(False, description="Let several server processes share one port.")
    allowed_origins: CommaList = Field(
        [], description="Origins of foreign pages that may call; the server's own always may."
    )
    trusted_proxies: CommaNetworks = Field(
        [], description="Addresses or networks of proxies whose `X-Forwarded-…` headers count."
    )
    max_request_bytes: int = Field(1 << 20, ge=1024, description="Largest request body, bytes.")
    requests_per_minute: int = Field(
        1200, ge=1, description="Requests a minute of one user, or of one address without a user."
    )
    login_attempts_per_account: int = Field(
        10,
        ge=1,
        description="Sign-ins to one account from one address before each further one has to wait.",
    )
    login_attempts_per_address: int = Field(
        60, ge=1, description="Sign-ins a minute from one address, whatever the account."
    )
    metrics_token: SecretStr | None = Field(
        None, description="`/metrics` wants it as bearer token; left out, it is open."
    )

    database_password: SecretStr | None = Field(
        None, description="Takes the place of the password in `database_url`."
    )
    database_url: SecretStr = Field(
        SecretStr("postgresql+psycopg2://ringback@127.0.0.1:5432/ringback"),
        description="Postgres, as an SQLAlchemy address.",
    )
    statement_timeout_seconds: float = Field(30, gt=0, description="Longest SQL statement.")
    lock_timeout_seconds: float = Field(5, gt=0, description="Longest wait for a row lock.")
    idle_transaction_timeout_seconds: float = Field(
        5, gt=0, description="Longest pause inside a transaction before Postgres ends it."
    )
    redis_password: SecretStr | None = Field(
        None, description="Takes the place of the password in `redis_url`."
    )
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Message queue of the socket servers."
    )
    broker_url: SecretStr | None = Field(
        None, description="Celery's broker; `redis_url` when left out."
    )
    channel: str = Field(
        "flask-socketio", description="Redis channel between workers and socket servers."
    )
    redis_timeout_seconds: float = Field(
        0.5, gt=0, description="Longest a publish into Redis or the broker may take."
    )

    access_token_minutes: int = Field(15, ge=1, description="Life of an access token.")
    refresh_token_days: int = Field(30, ge=1, description="Life of an unused refresh token.")
    refresh_grace_seconds: int = Field(
        10, ge=0, description="How long a just-rotated refresh token is not called stolen."
    )

    artifact_dir: Path = Field(Path("var/artifacts"), description="Folder of the result files.")
    artifact_days: int = Field(7, ge=1, description="Days a result file is kept.")
    max_artifact_bytes: int = Field(1 << 30, ge=1, description="Largest result file, bytes.")
    max_artifact_bytes_per_user: int = Field(
        5 << 30, ge=1, description="Result files of one user together, bytes; the oldest go first."
    )
    orphan_seconds: float = Field(
        86_400, gt=0, description="Age at which files that no job refers to are deleted."
    )
    notification_days: int = Field(90, ge=1, description="Days a notification is kept.")
    job_days: int = Field(365, ge=1, description="Days an ended job and its log are kept.")

    upload_dir: Path | None = Field(
        None,
        description="Folder of uploaded files; `artifact_dir` with `-uploads` behind it when left out.",
    )
    max_upload_bytes: int = Field(
        20 << 20, ge=1024, description="Largest file that a user may upload, bytes."
    )
    max_upload_bytes_per_user: int = Field(
        500 << 20, ge=1, description="Uploaded files of one user together, bytes."
    )
    max_uploads_per_user: int = Field(
        1000, ge=1, description="Uploaded files of one user, at most."
    )
    max_unpacked_bytes: int = Field(
        500 << 20, ge=1, description="Most that an uploaded workbook may unpack to, bytes."
    )
    max_unpacked_entries: int = Field(
        10_000, ge=1, description="Most parts that an uploaded workbook may consist of."
    )
    upload_days: int = Field(7, ge=1, description="Days an uploaded file is kept.")

    smtp_host: str | None = Field(
        None, description="Mail server; left out, jobs that send mail end with a word about it."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to it is encrypted."
    )
    smtp_username: str | None = Field(None, description="Sign-in there; left out, without.")
    smtp_password: SecretStr | None = Field(None, description="The password of that sign-in.")
    smtp_timeout_seconds: float = Field(
        20,
        gt=0,
        le=60,
        description="Longest wait for an answer; for that to a whole mail, 5 times.",
    )
    mail_sender: str | None = Field(
        None, description="Sender of all mail, such as `Ringback <ringback@example.com>`."
    )
    mail_domains: CommaList = Field(
        [], description="Domains that every user may mail to; else only their own address."
    )

    max_schedules_per_user: int = Field(50, ge=0, description="Schedules one user may have.")
    max_waiting_requests: int = Field(
        500,
        ge=1,
        description="Requests with `?wait=` that one server process holds; of one user, a tenth.",
    )

    job_type_packages: CommaList = Field(
        ["app.job_types"], description="Packages searched for job types."
    )
    worker_processes: int = Field(2, ge=1, description="Jobs one worker runs at once.")
    max_active_jobs_per_user: int = Field(
        4, ge=1, description="Jobs of one user queued or running at once; others wait."
    )
    max_unfinished_jobs_per_user: int = Field(
        5000, ge=1, description="Jobs of one user not yet ended; further ones are refused."
    )
    max_job_memory_bytes: int = Field(
        2 << 30, ge=1 << 27, description="Most memory that a job may take, bytes (Linux)."
    )
    idempotency_hours: float = Field(
        24, gt=0, description="How long an `Idempotency-Key` stands for the job it made."
    )
    lease_seconds: float = Field(30, gt=0, description="A worker unheard of for this long is lost.")
    heartbeat_seconds: float = Field(5, gt=0, description="Pause between lease renewals.")
    stop_grace_seconds: float = Field(
        20,
        ge=0,
        description="How long a stopping worker, or server, works on before it hands back its jobs, or cuts off requests.",
    )
    progress_seconds: float = Field(
        0.5, gt=0, description="Shortest pause between two progress reports of a job."
    )
    sweep_seconds: float = Field(2, gt=0, description="Pause between two turns of the beat.")
    redispatch_seconds: float = Field(
        15, gt=0, description="A queued job unclaimed for this long is published again (doubles)."
    )
    reconcile_seconds: float = Field(
        3, gt=0, description="Pause between a server's checks against the database."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )
    log_format: Literal["json", "console"] = Field("json", description="How log lines look.")
    collaborators: str | None = Field(
        None,
        description="`module:function` that replaces collaborators; for tests, never in production.",
    )
