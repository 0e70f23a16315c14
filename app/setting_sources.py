"""Where settings come from; nothing else reads the environment or files of settings.

Precedence: environment variables (`RINGBACK_…`), then files of the same names in the folder that
`RINGBACK_SECRETS_DIR` names (as container engines hand out secrets), then the YAML or JSON file
that `RINGBACK_CONFIG` names, or `ringback.yaml` or `ringback.json` in the working directory.
"""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
)

from app import setting_file
from app.errors import ConfigError
from app.setting_file import SettingFile

CONFIG_VARIABLE = "RINGBACK_CONFIG"
SECRETS_VARIABLE = "RINGBACK_SECRETS_DIR"
# The Python client reads these (app/client/ringback.py): who uses it may start a server in the same shell.
CLIENT_VARIABLES = frozenset({"RINGBACK_EMAIL", "RINGBACK_PASSWORD"})


def files(
    settings_cls: type[BaseSettings], file: SettingFile | None
) -> Iterator[PydanticBaseSettingsSource]:
    """The files that there are, the first to win first.

    Args:
        file: the file of settings, if there is one.

    Raises:
        ConfigError: a name without a folder, or a secret that cannot be read.
    """
    if folder := os.environ.get(SECRETS_VARIABLE):
        yield _secrets_source(settings_cls, Path(folder))
    if file is not None:
        yield InitSettingsSource(settings_cls, init_kwargs=file.values)


def read_file(settings_cls: type[BaseSettings]) -> SettingFile | None:
    """The file of settings, if there is one; an empty `RINGBACK_CONFIG` says that there is none.

    Raises:
        ConfigError: see `app.setting_file`.
    """
    found = CONFIG_VARIABLE not in os.environ
    if found:
        path = setting_file.find_default()
    else:
        path = Path(named) if (named := os.environ[CONFIG_VARIABLE]) else None
    if path is None:
        return None
    if not path.is_file():
        raise ConfigError(f"{CONFIG_VARIABLE} names {path}, but there is no such file.")
    return setting_file.read(path, settings_cls.model_fields, found=found)


def label(file: SettingFile | None, name: str, *parts: str) -> str:
    """How to speak of a setting to whom has written it: as a variable, or as a key of the file.

    Args:
        file: the file of settings, if there is one.
        parts: lead to what is meant of its value.
    """
    variable = f"RINGBACK_{name.upper()}"
    given = {*os.environ} | {secret.name for secret in _secret_files()}
    if file is None or name not in file.keys or variable in {each.upper() for each in given}:
        return ".".join([variable, *parts])
    return file.label(name, *parts)


def refuse_unknown(settings_cls: type[BaseSettings]) -> None:
    """A misspelt variable, or secret, would otherwise be ignored without a word.

    Raises:
        ConfigError: naming each, with the name that may have been meant.
    """
    known = {f"RINGBACK_{name.upper()}" for name in settings_cls.model_fields}
    known |= {CONFIG_VARIABLE, SECRETS_VARIABLE}
    found = {*os.environ} - CLIENT_VARIABLES | {file.name for file in _secret_files()}
    ours = sorted(name for name in found if name.upper().startswith("RINGBACK_"))
    unknown = [name for name in ours if name.upper() not in known]
    if unknown:
        hints = [f"  - {name}{_suggestion(name, known)}" for name in unknown]
        raise ConfigError("\n".join(["These variables are no settings of Ringback:", *hints]))


def _secret_files() -> list[Path]:
    folder = Path(os.environ.get(SECRETS_VARIABLE, ""))
    return list(folder.iterdir()) if SECRETS_VARIABLE in os.environ and folder.is_dir() else []


def _secrets_source(settings_cls: type[BaseSettings], folder: Path) -> SecretsSettingsSource:
    if not folder.is_dir():
        raise ConfigError(f"{SECRETS_VARIABLE} names {folder}, but there is no such folder.")
    for file in _secret_files():
        if file.name.upper().startswith("RINGBACK_"):
            _check_secret_file(file)
    return SecretsSettingsSource(settings_cls, secrets_dir=folder)


def _check_secret_file(file: Path) -> None:
    """Such as would be skipped, or read as something else."""
    if not file.is_file():
        raise ConfigError(f"{file} is to hold a secret, but it is no file.")
    try:
        file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} cannot be read: it is not UTF-8 text.") from error


def _suggestion(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1)
    return f" (do you mean {near[0]}?)" if near else ""
