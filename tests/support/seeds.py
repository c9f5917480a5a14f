"""How many seeds a test tries: few in CI, many in the nightly run.

Not here: what has seeds of its own there (`simulation`, `fuzz`, `pacing.histories`).
"""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "BULKDEL_TIMES_SEEDS"
_TIMES: Final = int(os.environ.get(VARIABLE, "1"))


def seeds(few: int) -> range:
    """Return the seeds to try: ``few``, or so many times as many as the environment says."""
    return range(few * _TIMES)
