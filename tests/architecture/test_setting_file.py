"""The file of settings as it is read: what its errors leave out, and which file is opened."""

from pathlib import Path

import pytest

from app import setting_file
from app.errors import ConfigError


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
