"""A log that was read before the run is not read again, unless it has changed."""

from __future__ import annotations

from pathlib import Path

from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.resume import KnownLogs
from bulkdel.engine.run import Run
from bulkdel.models import Block
from bulkdel.settings import RunSettings
from bulkdel.sources import from_iterable
from tests.support.engine_fakes import FakeTransport, edge, in_virtual_time
from tests.support.lane_job import ids, lane
from tests.support.log_samples import line


def _log(folder: Path, *object_ids: str) -> Path:
    path = folder / "log.jsonl"
    path.write_bytes(b"".join(line(one).replace(b'"ark"', b'"openai"') for one in object_ids))
    return path


def _settings(log: Path) -> RunSettings:
    return RunSettings(lanes=[lane()], log=log)


def _run(settings: RunSettings, known: KnownLogs, transport: FakeTransport) -> Run:
    source = ReaderSource(from_iterable(ids(5), "openai"), "<ids>", "openai", in_line=True)
    return Run(settings, [source], known=known, edge=edge(transport))


@in_virtual_time
async def test_a_known_log_is_not_read_again(tmp_path: Path) -> None:
    """Ten million lines take eight seconds, and a person has just waited for them."""
    settings = _settings(_log(tmp_path, "resp_0", "resp_1"))
    known = KnownLogs.read(settings)
    known.index.claim(Block("openai", ids(5)))
    transport = FakeTransport()

    summary = await _run(settings, known, transport).run()

    assert (summary.counts.skipped, summary.counts.duplicates) == (2, 0)
    assert sorted(transport.ids) == ["resp_2", "resp_3", "resp_4"]


@in_virtual_time
async def test_a_log_that_has_changed_since_is_read_again(tmp_path: Path) -> None:
    """Another run may have deleted more while the question stood on the screen."""
    log = _log(tmp_path, "resp_0")
    settings = _settings(log)
    known = KnownLogs.read(settings)
    _log(tmp_path, "resp_0", "resp_1", "resp_2")
    transport = FakeTransport()

    summary = await _run(settings, known, transport).run()

    assert summary.counts.skipped == 3
    assert sorted(transport.ids) == ["resp_3", "resp_4"]


def test_the_index_that_is_there_is_taken(tmp_path: Path) -> None:
    """The reading is what is saved."""
    settings = _settings(_log(tmp_path, "resp_0"))
    known = KnownLogs.read(settings)

    assert known.take_over(settings) == (known.index, known.facts)
