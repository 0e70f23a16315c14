"""Settings: checked, put together and shown.

Each is declared in `app.setting_fields`; where their values come from: `app.setting_sources`.
"""

import re
from collections.abc import Collection
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self

import pydantic
import yaml
from pydantic import (
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app import setting_addresses, setting_sources
from app.errors import ConfigError
from app.setting_fields import Fields
from app.setting_file import SettingFile

MIN_SECRET_BYTES = 32
NEW_SECRET_HINT = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"

SCHEMES = {
    "database_url": ("postgresql", "postgres", "postgresql+psycopg2"),
    "redis_url": ("redis", "rediss"),
    "broker_url": ("redis", "rediss", "amqp", "amqps"),
}

# The file that `Settings.load` has read: pydantic leaves no way to hand it on to where it is used.
_loading: ContextVar[SettingFile | None] = ContextVar("loading", default=None)


class Settings(Fields):
    """The effective settings of one process. Immutable; made by `Settings.load()`."""

    _notes: tuple[str, ...] = PrivateAttr(())

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
            file = setting_sources.read_file(cls)
            _loading.set(file)
            settings = cls(**overrides)
            settings._notes = tuple(file.notes) if file else ()
            return settings
        except pydantic.ValidationError as error:
            raise ConfigError(cls._explain(error, overrides)) from error
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
        return (init_settings, env_settings, *setting_sources.files(settings_cls, _loading.get()))

    def describe(self) -> str:
        """The effective settings as YAML, secrets and passwords masked."""
        shown = {name: _masked(getattr(self, name)) for name in type(self).model_fields}
        notes = [f"# {note}" for note in self._notes]
        return "\n".join([*notes, yaml.safe_dump(shown, sort_keys=False).rstrip()])

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what the file of settings says and nothing reads."""
        return self._notes

    @classmethod
    def _explain(cls, error: pydantic.ValidationError, overrides: Collection[str]) -> str:
        lines = ["The settings are not usable:"]
        for item in error.errors(include_input=False, include_url=False):
            message = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                message = "is not a setting of Ringback"
            lines.append(f"  - {cls._place(item['loc'], overrides)}{message}")
        return "\n".join(lines)

    @classmethod
    def _place(cls, loc: tuple[int | str, ...], overrides: Collection[str]) -> str:
        """Which setting, as its writer knows it, and which of its parts."""
        if not loc:
            return ""
        name, *parts = map(str, loc)
        if name in overrides:
            return ".".join([f"RINGBACK_{name.upper()}", *parts]) + ": "
        return setting_sources.label(_loading.get(), name, *parts) + ": "

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("must be a number, not yes or no")
        return value

    @field_validator(
        "allowed_origins", "job_type_packages", "mail_domains", "trusted_proxies", mode="before"
    )
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

    @field_validator("broker_url", "smtp_host", "smtp_username", "smtp_password", "mail_sender")
    @classmethod
    def _empty_is_left_out(cls, value: SecretStr | str | None) -> SecretStr | str | None:
        return value or None

    @field_validator("smtp_host", "mail_sender")
    @classmethod
    def _are_of_mail(cls, value: str | None, info: ValidationInfo) -> str | None:
        checks = {
            "smtp_host": setting_addresses.mail_host,
            "mail_sender": setting_addresses.mail_sender,
        }
        return None if value is None else checks[str(info.field_name)](value)

    @field_validator("mail_domains")
    @classmethod
    def _are_domains(cls, value: list[str]) -> list[str]:
        return [setting_addresses.mail_domain(domain) for domain in value]

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
        if self.collaborators and self.environment == "production":
            raise ValueError("collaborators: they are replaced in tests only; not in production")
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("lease_seconds must be at least twice heartbeat_seconds")
        problem = self._mail_problem() or self._folder_problem()
        if problem:
            raise ValueError(problem)
        return self

    def _mail_problem(self) -> str | None:
        if self.smtp_host is not None and self.mail_sender is None:
            return "mail_sender is missing: with smtp_host, mail needs a sender"
        if (self.smtp_username is None) != (self.smtp_password is None):
            return "smtp_username and smtp_password: give both of them, or none"
        if self.smtp_username is not None and self.smtp_security == "none":
            return "smtp_security: none would send smtp_password for everybody to read"
        secret = self.smtp_password.get_secret_value() if self.smtp_password else ""
        if not f"{self.smtp_username}{secret}".isascii():
            return "smtp_username and smtp_password: only ASCII can be sent"
        return None

    def _folder_problem(self) -> str | None:
        """Each folder is swept for files that its own table does not name: the other's would go."""
        folders = self.artifact_dir.resolve(), self.effective_upload_dir.resolve()
        if any(one.is_relative_to(other) for one, other in (folders, reversed(folders))):
            return (
                "upload_dir and artifact_dir: neither may be in the other, nor may they be the same"
            )
        return None

    @property
    def is_development(self) -> bool:
        """Whether this is a development set-up."""
        return self.environment == "development"

    @property
    def effective_broker_url(self) -> str:
        """Celery's broker address, with its password."""
        return (self.broker_url or self.redis_url).get_secret_value()

    @property
    def effective_upload_dir(self) -> Path:
        """Folder of the uploaded files."""
        return self.upload_dir or Path(f"{self.artifact_dir.absolute()}-uploads")

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
