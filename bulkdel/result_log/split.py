"""Which part of a split job an ID is of: by a hash of its lane and its text.

The same ID is in the same part, however often and in whichever source it stands: so a part's own
index sees every duplicate, and its own log says whether it is done.

The digest is that of the index (`digest_set`), so it costs nothing more there. How it is done must
never change for a job that has begun: `HASH` stands in its ``job.json``.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import compress
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

from bulkdel.models import Block
from bulkdel.result_log.digest_set import Words, digest
from bulkdel.result_log.encode import carried_id
from bulkdel.settings import Part

HASH: Final = "xxh3_128"
ID_SEED: Final = 0
INVALID_SEED: Final = 1
"""Gives the text of an invalid row another digest than an ID of the same text has."""


def is_of(part: Part, lane: str, digests: Words) -> npt.NDArray[np.bool_]:
    """Say which of some digests of a lane are of a part."""
    of_lane = np.uint64(xxhash.xxh3_64_intdigest(lane.encode()))
    mine: npt.NDArray[np.bool_] = (digests[:, 0] ^ of_lane) % np.uint64(part.of) == part.number
    return mine


def of_part(part: Part, block: Block) -> Block:
    """Return what of a block is of a part. What it only counts, is counted with the first part."""
    ids = digest(map(str.encode, block.ids), ID_SEED)
    rows = digest((carried_id(row.text) for row in block.invalid), INVALID_SEED)
    counted = block if part.number == 0 else Block(block.lane, [])
    return replace(
        counted,
        ids=list(compress(block.ids, is_of(part, block.lane, ids))),
        invalid=list(compress(block.invalid, is_of(part, block.lane, rows))),
    )
