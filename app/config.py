"""Settings: every setting is declared here, once.

Where their values come from, and which wins: `app.setting_sources`. The defaults below come last.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
import yaml
from pydantic import (
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app import setting_addresses, setting_sources
from app.errors import ConfigError

MIN_SECRET_BYTES = 32
NEW_SECRET_HINT = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"

SCHEMES = {
    "database_url": ("postgresql", "postgres", "postgresql+psycopg2"),
    "redis_url": ("redis", "rediss"),
    "broker_url": ("redis", "rediss", "amqp", "amqps"),
}

CommaList = Annotated[list[str], NoDecode]
CommaNetworks = Annotated[list[IPvAnyNetwork], NoDecode]


class Settings(BaseSettings):
    """The effective settings of one process. Immutable; made by `Settings.load()`."""

    model_config = SettingsConfigDict(env_prefix="RINGBACK_", extra="forbid", frozen=True)

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
    notification_days: int = Field(90, ge=1, description="Days a notification is kept.")

    job_type_packages: CommaList = Field(
        ["app.job_types"], description="Packages searched for job types."
    )
    worker_processes: int = Field(2, ge=1, description="Jobs one worker runs at once.")
    max_active_jobs_per_user: int = Field(
        4, ge=1, description="Jobs of one user queued or running at once; others wait."
    )
    lease_seconds: float = Field(30, gt=0, description="A worker unheard of for this long is lost.")
    heartbeat_seconds: float = Field(5, gt=0, description="Pause between lease renewals.")
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

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read and check the settings.

        Args:
            overrides: values that win over environment and file (tests, the standalone set-up).

        Raises:
            ConfigError: naming each wrong setting and what to do about it.
        """
        try:
            setting_sources.refuse_unknown(cls)
            return cls(**overrides)
        except pydantic.ValidationError as error:
            raise ConfigError(_explain(error)) from error
        except OSError as error:
            raise ConfigError(f"{error.filename} cannot be read: {error.strerror}.") from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Overrides, then environment, then files."""
        return (init_settings, env_settings, *setting_sources.files(settings_cls))

    def describe(self) -> str:
        """The effective settings as YAML, secrets and passwords masked."""
        shown = {name: _masked(getattr(self, name)) for name in type(self).model_fields}
        return yaml.safe_dump(shown, sort_keys=False).rstrip()

    @field_validator("allowed_origins", "job_type_packages", "trusted_proxies", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if not re.fullmatch(r"https?://[^\s/*?#@]+", origin):
                raise ValueError(f"{origin!r} is no origin; write such as https://app.example.com")
        return [origin.lower() for origin in value]

    @field_validator("secret_key")
    @classmethod
    def _secret_is_long(cls, value: SecretStr) -> SecretStr:
        length = len(value.get_secret_value().encode())
        if length < MIN_SECRET_BYTES:
            found = f"has only {length} bytes" if length else "is missing"
            raise ValueError(f"{found}, {MIN_SECRET_BYTES} are needed. {NEW_SECRET_HINT}")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _token_is_not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("is empty. Give a token, or leave it out: then /metrics is open")
        return value

    @field_validator("broker_url")
    @classmethod
    def _empty_is_left_out(cls, value: SecretStr | None) -> SecretStr | None:
        return value or None

    @field_validator("database_url", "redis_url", "broker_url")
    @classmethod
    def _is_address(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            setting_addresses.check(value.get_secret_value(), SCHEMES[str(info.field_name)])
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _put_password_in(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        name = str(info.field_name).replace("_url", "_password")
        password = info.data.get(name)  # declared, hence validated, before the address
        if not password:
            return value
        address, secret = value.get_secret_value(), password.get_secret_value()
        return SecretStr(setting_addresses.with_password(address, secret))

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, value: SecretStr) -> SecretStr:
        """Plain `postgresql://` means psycopg 3 to SQLAlchemy 2.1; Ringback uses psycopg2."""
        rest = value.get_secret_value().partition("://")[2]
        return SecretStr(f"postgresql+psycopg2://{rest}")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.demo_users and self.environment == "production":
            raise ValueError("demo_users: demo users have known passwords; not in production")
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("lease_seconds must be at least twice heartbeat_seconds")
        return self

    @property
    def is_development(self) -> bool:
        """Whether this is a development set-up."""
        return self.environment == "development"

    @property
    def effective_broker_url(self) -> str:
        """Celery's broker address, with its password."""
        return (self.broker_url or self.redis_url).get_secret_value()

    def accepted_origins(self) -> list[str]:
        """The foreign origins accepted by REST and by the handshake alike.

        A page opened from disk has the origin `null`; development alone accepts it.
        """
        return [*self.allowed_origins, *(["null"] if self.is_development else [])]


def _masked(value: Any) -> Any:
    """A secret address without its password, any other secret as stars, the rest as it is."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return setting_addresses.masked(secret) if "://" in secret else "***"
    if isinstance(value, list):
        return [str(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _explain(error: pydantic.ValidationError) -> str:
    lines = ["The settings are not usable:"]
    for item in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "is not a setting of Ringback"
        variable = f"RINGBACK_{name.upper()}: " if name else ""
        lines.append(f"  - {variable}{message}")
    return "\n".join(lines)
