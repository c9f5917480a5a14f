"""What shows that a log is the one that was reported: its size, its SHA-256, its seals; and what was verified.

    file ──one reading──> SHA-256 of all bytes; a second one, if there are seals in it ──> FileEvidence

What holds here, always: only what stood in a file when the reading began counts, for the digest and for
the seals, so a log that grows has a digest of its first bytes: ``head -c SIZE LOG | sha256sum`` prints it
again. What the lines say (`gather`) may be of some bytes more.

Not here: what the lines say (`gather`), the seals themselves (`result_log.seal`).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from bulkdel.compression import COMPRESSION_OF_SUFFIX
from bulkdel.engine.verify import FINDINGS_SUFFIX, Found
from bulkdel.errors import ConfigError
from bulkdel.reporting.report.facts import FileEvidence
from bulkdel.result_log.digest_set import DigestSet, digest
from bulkdel.result_log.folder import logs_of
from bulkdel.result_log.seal import check

_BLOCK: Final = 1 << 20
_SEAL: Final = b'{"seal":'
_FOUND: Final = tuple(found.value for found in Found)
_AT_ONCE: Final = 10_000


def files_of(log: Path) -> tuple[FileEvidence, ...]:
    """Return the evidence of each file of a log.

    Raises:
        ConfigError: One cannot be read.
    """
    return tuple(_file(each.path) for each in logs_of(log))


def _file(path: Path) -> FileEvidence:
    whole = hashlib.sha256()
    sealed = False
    tail = b""
    try:
        with path.open("rb") as file:
            size = left = path.stat().st_size
            while left and (block := file.read(min(_BLOCK, left))):
                whole.update(block)
                left -= len(block)
                sealed = sealed or _SEAL in tail + block[: len(_SEAL)] or _SEAL in block
                tail = block[-len(_SEAL) :]
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    packed = path.suffix in COMPRESSION_OF_SUFFIX
    checked = check(path, size - left) if sealed and not packed else None
    last = checked.last if checked is not None else None
    return FileEvidence(
        path=str(path),
        size=size - left,
        sha256=whole.hexdigest(),
        seals=None if packed else checked.seals if checked is not None else 0,
        seal=last.sha256 if last is not None else None,
        sealed_bytes=checked.sealed_bytes if checked is not None else 0,
        changed=checked.wrong if checked is not None else None,
    )


def verified(log: Path) -> Mapping[str, Mapping[str, int]]:
    """Return how many IDs `bulkdel verify` found present, absent or unknown, by lane.

    Of an ID that was asked for more than once the last finding counts. What cannot be read says
    nothing.
    """
    found: defaultdict[str, DigestSet] = defaultdict(DigestSet)
    waiting: defaultdict[str, list[tuple[bytes, int]]] = defaultdict(list)
    try:
        with log.with_name(log.name + FINDINGS_SUFFIX).open("rb") as file:
            for line in file:
                lane, object_id, number = _finding(line)
                if number is None:
                    continue
                waiting[lane].append((object_id, number))
                if len(waiting[lane]) >= _AT_ONCE:
                    _put(found[lane], waiting.pop(lane))
    except OSError:
        return {}
    for lane, findings in waiting.items():
        _put(found[lane], findings)
    return {lane: dict(zip(_FOUND, known.counts(), strict=False)) for lane, known in found.items()}


def _finding(line: bytes) -> tuple[str, bytes, int | None]:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        entry = None
    match entry:
        case {"id": str(object_id), "lane": str(lane), "found": str(word)} if word in _FOUND:
            return lane, object_id.encode(), _FOUND.index(word)
    return "", b"", None


def _put(known: DigestSet, findings: list[tuple[bytes, int]]) -> None:
    ids, numbers = zip(*findings, strict=True)
    known.put(digest(ids, 0), np.array(numbers, np.uint8))
