"""Where uploads are kept."""

from pathlib import Path

import pytest

from app.config import Settings
from app.errors import ConfigError


@pytest.mark.parametrize("uploads", ["a", "a/b/uploads", ".", "a/../a/x"])
def test_folders_of_which_one_is_in_the_other_are_refused(tmp_path: Path, uploads: str) -> None:
    with pytest.raises(ConfigError, match="upload_dir and artifact_dir"):
        Settings.load(
            secret_key="s" * 40, artifact_dir=tmp_path / "a", upload_dir=tmp_path / uploads
        )
