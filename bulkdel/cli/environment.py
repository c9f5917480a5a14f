"""Take out of the environment what would end the imports of others; imported before them.

tqdm reads its defaults when it is imported, and a ``TQDM_MININTERVAL`` that is no number ends it
there, before there is anyone to say so. Our bars have their own looks; only to have none is left.
"""

from __future__ import annotations

import os

for _name in [name for name in os.environ if name.upper().startswith("TQDM_")]:
    if _name.upper() != "TQDM_DISABLE":
        del os.environ[_name]
