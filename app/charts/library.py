"""matplotlib, imported so that it needs no home, leaves nothing behind and logs nothing.

It wants a folder of its own to write a list of fonts into, and warns at length where the file system
is read-only or the user has no home. Here it gets one for the time of its import: the list is made in a
tenth of a second, and is in memory afterwards. Nor does it then read anybody's own `matplotlibrc`.
"""

import logging
import os
from tempfile import TemporaryDirectory

_NAME = "MPLCONFIGDIR"

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it would tell of its list of fonts

with TemporaryDirectory(prefix="ringback-charts-") as folder:
    before = os.environ.get(_NAME)
    os.environ[_NAME] = folder
    try:
        import matplotlib
        import matplotlib.backends.backend_agg
        import matplotlib.backends.backend_svg
        import matplotlib.dates
        import matplotlib.figure
        import matplotlib.font_manager
        import matplotlib.style
        import matplotlib.ticker

        matplotlib.get_configdir()  # it remembers the answer
        matplotlib.get_cachedir()
    finally:
        if before is None:
            del os.environ[_NAME]
        else:
            os.environ[_NAME] = before

__all__ = ["matplotlib"]
