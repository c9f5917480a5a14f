"""Opening a log: plain or compressed, and clear words if it cannot be read."""

from __future__ import annotations

import gzip
import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from bulkdel.errors import ConfigError
from bulkdel.result_log.reader import LogFacts, read_log
from tests.support.log_samples import line


def read_ids(path: Path) -> list[bytes]:
    """Return the IDs of a log."""
    return [object_id for part in read_log(path, LogFacts()) for object_id in part.ids]


def test_reads_a_finished_log_that_was_compressed(tmp_path: Path) -> None:
    """Logs of old purges are kept compressed; joined files have several members."""
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(line("resp_1")) + gzip.compress(line("resp_2")))

    assert read_ids(path) == [b"resp_1", b"resp_2"]


COMPRESSED = gzip.compress(line() * 99, mtime=0)


@pytest.mark.parametrize(
    "data", [COMPRESSED[:-20], COMPRESSED[:10] + b"\x07" * 40, b"no gzip", b"\x1f\x8b\x08\x00"]
)
def test_a_damaged_compressed_log_is_refused(data: bytes, tmp_path: Path) -> None:
    """What is behind the damage cannot be known, so nothing may rest on it."""
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(data)

    with pytest.raises(ConfigError, match="is damaged"):
        read_ids(path)


def zstd_module() -> Any:
    """Return a module that reads zstd, or None."""
    for name in ("compression.zstd", "zstandard"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def test_zstd_is_read_or_the_message_says_what_to_install(tmp_path: Path) -> None:
    """Not everybody needs zstd; who does is told what to do."""
    path = tmp_path / "log.jsonl.zst"
    zstd = zstd_module()
    if zstd is None:
        path.write_bytes(b"(\xb5/\xfd")
        with pytest.raises(ConfigError, match="pip install zstandard"):
            read_ids(path)
        return
    path.write_bytes(zstd.compress(line("resp_1")) + zstd.compress(line("resp_2")))

    assert read_ids(path) == [b"resp_1", b"resp_2"]
    path.write_bytes(b"no zstd at all")
    with pytest.raises(ConfigError, match="is damaged"):
        read_ids(path)


@pytest.mark.parametrize("name", ["log", "log.gz"])
def test_a_directory_or_no_file_is_a_clear_error(name: str, tmp_path: Path) -> None:
    """The user sees which path is wrong before anything is sent."""
    with pytest.raises(ConfigError, match=r"cannot read the log .*log.*No such file"):
        read_ids(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=r"log.* is a directory"):
        read_ids(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_log_is_a_clear_error(tmp_path: Path) -> None:
    """Taken for empty, it would have every ID sent again."""
    path = tmp_path / "log"
    path.touch(mode=0o000)

    with pytest.raises(ConfigError, match="Permission denied"):
        read_ids(path)
