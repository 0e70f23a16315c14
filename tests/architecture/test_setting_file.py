"""The file of settings as it is read: what its errors leave out, and which file is opened."""

import os
from pathlib import Path

import pytest

from app import setting_file
from app.config import Settings
from app.errors import ConfigError
from app.setting_sources import read_file


@pytest.mark.parametrize(
    "text", ["password: !hunter2!rest", "%TAG !hunter2! x\n%TAG !hunter2! x\n---\na: 1"]
)
def test_a_tag_that_yaml_does_not_know_is_refused_without_showing_it(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "ringback.yaml"
    file.write_text(text)
    with pytest.raises(
        ConfigError, match=r"line \d: tags \(!\) are not used here; quote"
    ) as caught:
        setting_file.read(file, {"password"})
    assert "hunter2" not in caught.value.message


def test_what_takes_the_place_of_a_found_file_before_it_is_read_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGBACK_CONFIG", raising=False)
    file, other = tmp_path / "ringback.yaml", tmp_path / "other.yaml"
    other.write_text("port: 5006")
    other.chmod(0o600)
    # It was looked at, and was good.
    monkeypatch.setattr(setting_file, "find_default", lambda: file)
    other.rename(file)
    assert getattr(read_file(Settings), "values", None) == {"port": 5006}
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="a file of your own"):
        read_file(Settings)
    file.rename(other)
    other.chmod(0o600)
    file.symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        read_file(Settings)


def test_a_pipe_in_the_place_of_a_found_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ringback.yaml", 0o600)
    with pytest.raises(ConfigError, match="a file of your own"):
        setting_file.read(tmp_path / "ringback.yaml", {"port"}, found=True)
