"""Drawing where nothing can be written but the folder for temporary files, and nobody is at home."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

DRAW = """
import logging, sys
logging.basicConfig(level=logging.INFO)
from app.job_types import chart
assert "matplotlib" not in sys.modules and "numpy" not in sys.modules, "too early: servers pay"
from app.charts.chart import Chart, Series
from app.charts.drawing import draw, matplotlib
before = matplotlib.rcParams.copy()  # to look one up may load more
sys.stdout.buffer.write(draw(Chart("line", [Series("東京", [1, 2])], title="東京")))
after = matplotlib.rcParams.copy()
assert all(dict.get(after, name) == dict.get(before, name) for name in before), "a setting outlives the drawing"
assert "matplotlib.pyplot" not in sys.modules
"""


def test_chart_is_drawn_without_home_or_a_word_and_leaves_no_file(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.write_text("no folder, so not even root can write below it")
    (tmp_path / "matplotlibrc").write_text("figure.facecolor: red\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {
        **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(nowhere)),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRAW],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    assert done.stdout.startswith(b"\x89PNG")
    assert list(temporary.iterdir()) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["matplotlibrc", "nowhere", "tmp"]
