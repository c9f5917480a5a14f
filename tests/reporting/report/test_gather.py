"""A report says what the log says: its counts, its times, what is left; of any log, also a damaged one."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
from collections import Counter
from pathlib import Path

import orjson
import pytest

from bulkdel.errors import ConfigError
from bulkdel.reporting.report.facts import Report
from bulkdel.reporting.report.gather import gather
from bulkdel.reporting.report.html import html_report
from bulkdel.reporting.report.markdown import markdown_report
from bulkdel.result_log.index import Index
from bulkdel.result_log.lock import holder
from bulkdel.result_log.queries import iter_failed
from bulkdel.result_log.seal import Chain, check
from tests.support.report_samples import (
    BEGAN_S,
    at,
    end,
    header,
    history,
    mangled,
    pace,
    result,
    write,
)
from tests.support.seeds import seeds

SEEDS = seeds(40)


def report(*logs: Path, samples: int = 3) -> Report:
    """Return the report of some logs."""
    return gather(logs, made_at=at(BEGAN_S), version="0.1.0", samples=samples)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_counts_are_those_of_the_last_line_of_each_id(seed: int, tmp_path: Path) -> None:
    """Several logs count as one, and each result lies in one column of the charts."""
    rng = random.Random(seed)
    logs = [write(tmp_path / f"{number}", history(rng)) for number in range(rng.randint(1, 3))]
    last: dict[tuple[str, str, bool], str] = {}
    sent: Counter[str] = Counter()
    for log in logs:
        for line in log.read_bytes().splitlines():
            try:
                entry = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if "outcome" in entry:
                invalid = entry["outcome"] == "invalid"
                last[entry["lane"], entry["id"], invalid] = entry["outcome"]
                sent[entry["lane"]] += not invalid

    found = report(*logs)

    expected = Counter(last.values())
    assert {name: count for name, count in found.counts.items() if count} == expected
    assert sum(each.count for each in found.failures) == found.counts["failed"]
    for lane in found.lanes:
        in_columns = sum(
            rate * span
            for rate, span in zip(lane.series.results_per_s, found.axis.spans_s, strict=True)
        )
        assert round(in_columns) == sent[lane.lane]
        assert abs(sum(lane.shares.values()) - 1) < 1e-9 or not lane.shares


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_or_foreign_log_is_reported_too(seed: int, tmp_path: Path) -> None:
    """Whatever a record holds: nobody can make a report fail, in any format."""
    rng = random.Random(f"mangled {seed}")
    records = [
        mangled(rng, each) if isinstance(each, dict) and "outcome" not in each else each
        for each in history(rng)
    ]
    log = write(tmp_path / "log", records)

    index = Index()
    with contextlib.suppress(ConfigError):
        index.read(log)
    if not len(index):  # not one line is left that is one of a log
        return
    found = report(log)
    assert html_report(found)
    assert markdown_report(found)


def test_runs_and_what_is_left_after_a_kill(tmp_path: Path) -> None:
    """It says what it cannot know, and makes up no command."""
    ids = [result("ark", f"id_{n}", "deleted", BEGAN_S + n) for n in range(5)]
    log = write(
        tmp_path / "purge.jsonl",
        [
            header(BEGAN_S, ["ark"], ["a b.txt", "stdin"]),
            *ids[:3],
            end(BEGAN_S + 3, 3.0, {"ark": {"deleted": 3, "pending": 7, "requests": 3}}),
            header(BEGAN_S + 1e6, ["ark"], ["a b.txt", "stdin"]),
            *ids[3:],
            result("ark", "id_9", "failed", BEGAN_S + 1e6, status=400, error="no"),
            pace("ark", 10.0, 40, 4),
        ],
    )

    found = report(log)

    assert [(run.state, run.counts["requests"]) for run in found.runs] == [
        ("finished", 3),
        ("killed", 40),
    ]
    assert found.state == "killed"
    [lane] = found.lanes
    assert (lane.pending, lane.requests, lane.refused) == (None, 43, 4)
    assert any("was killed" in sentence for sentence in found.left.what)
    assert not any("bulkdel delete" in command for command in found.left.commands)
    [cut] = found.axis.cuts
    assert 0.9e6 < cut.left_out_s < 1e6


def test_nothing_is_left_where_nothing_is(tmp_path: Path) -> None:
    """An auditor must not be told to start again what is done."""
    done = [
        header(BEGAN_S, ["ark"]),
        result("ark", "a", "deleted", BEGAN_S),
        end(BEGAN_S, 1.0, {"ark": {"pending": 0}}),
    ]

    found = report(write(tmp_path / "log", done))

    assert found.left.what == found.left.commands == ()
    assert "Nothing: every ID that was read is deleted or was gone already." in markdown_report(
        found
    )


def commanded(log: Path, began_s: float, *words: str) -> dict[str, object]:
    """Return the header of a run that keeps its command."""
    made = header(began_s, ["ark"])
    made["run"]["command"] = {"folder": "/the job", "words": list(words), "log": str(log.resolve())}
    return made


def test_the_command_of_what_is_left_is_that_of_its_run(tmp_path: Path) -> None:
    """Of each way to choose objects the newest run counts; one with other choices ends no other."""
    log = tmp_path / "log"
    by_id = ("delete", "ids.txt", "--log", "log", "--id-field", "old")
    by_age = ("delete", "ids.txt", "--log", "log", "--older-than=3d", "--header", "X: ", "--rate=5")
    done = end(BEGAN_S, 1.0, {"ark": {"pending": 0}})
    write(
        log,
        [
            *(commanded(log, BEGAN_S, *by_age), commanded(log, BEGAN_S, *by_id[:4]), done),
            *(
                commanded(log, BEGAN_S, *by_id),
                commanded(log, BEGAN_S, *by_id, "--rate", "9"),
                done,
            ),
        ],
    )

    left = report(log).left
    text = " ".join(left.what)

    words = "ids.txt --log log --older-than=3d --header 'X: ' --rate=5"
    assert left.commands == (f"cd '/the job' && bulkdel delete {words}",)
    assert "fill them in" in text
    assert "An age counts from its start" in text
    assert "stdin" not in text


@pytest.mark.parametrize(
    "command",
    [
        None,
        "rm -rf /",
        {"folder": "/", "words": ["delete", 1], "log": "/log"},
        {"folder": "/", "words": ["rm", "-rf"], "log": "/log"},
        {"folder": "/", "words": ["delete", "x" * 10_000], "log": None},
    ],
    ids=str,
)
def test_no_command_that_is_none(command: object, tmp_path: Path) -> None:
    """Whatever stands in its place in a log; nor one that nobody could copy."""
    log = tmp_path / "log"
    made = header(BEGAN_S, ["ark"])
    if isinstance(command, dict) and command["log"] is None:
        command["log"] = str(log.resolve())
    made["run"]["command"] = command

    left = report(write(log, [made, result("ark", "a", "deleted", BEGAN_S)])).left

    assert left.commands == ()
    assert any("none is made up" in sentence for sentence in left.what)


def test_what_is_kept_for_its_age_is_not_called_gone(tmp_path: Path) -> None:
    """It was read, and it is still there."""
    counts = {"ark": {"pending": 0, "kept": 7}}
    done = [
        header(BEGAN_S, ["ark"]),
        result("ark", "a", "deleted", BEGAN_S),
        end(BEGAN_S, 1.0, counts),
    ]

    text = markdown_report(report(write(tmp_path / "log", done)))

    assert "but for 7 that are kept for their age" in text


def test_the_evidence_is_what_lies_on_the_disk(tmp_path: Path) -> None:
    """SHA-256 as sha256sum prints it; seals that are right, and where they are not."""
    log = write(
        tmp_path / "log", [header(BEGAN_S, ["ark"]), result("ark", "a", "deleted", BEGAN_S)]
    )
    chain = Chain()
    chain.add(log.read_bytes())
    sealed = log.read_bytes() + chain.seal().line()
    log.write_bytes(sealed)

    [evidence] = report(log).evidence
    log.write_bytes(sealed.replace(b'"deleted"', b'"deletad"', 1))
    changed = report(log)

    [file] = evidence.files
    assert (file.sha256, file.size) == (hashlib.sha256(sealed).hexdigest(), len(sealed))
    assert (file.seals, file.changed, file.sealed_bytes) == (1, None, len(sealed))
    assert "WAS CHANGED" in markdown_report(changed)
    assert "WAS CHANGED" in html_report(changed)
    assert holder(log) is None


def test_the_seals_are_those_of_the_bytes_that_have_the_digest(tmp_path: Path) -> None:
    """A log may be sealed on while it is read: what comes after its size was taken does not count."""
    log = write(tmp_path / "log", [header(BEGAN_S, ["ark"])])
    chain = Chain()
    sizes = []
    for number in range(5):
        chain.add(log.read_bytes()[chain.begin :])
        seal = chain.seal()
        log.write_bytes(log.read_bytes() + seal.line())
        chain.take(seal)
        sizes.append(log.stat().st_size)
        line = orjson.dumps(result("ark", f"{number}", "deleted", BEGAN_S)) + b"\n"
        log.write_bytes(log.read_bytes() + line)

    for count, size in enumerate(sizes, start=1):
        for cut in (size, size + 7, size - 1):
            checked = check(log, cut)
            assert checked.wrong is None
            assert checked.seals == count - (cut < size)
            assert checked.sealed_bytes + checked.unsealed_bytes == cut


def test_what_verify_found_stands_in_the_report(tmp_path: Path) -> None:
    """Of an ID that was asked for twice the last finding counts; odd lines do not."""
    log = write(
        tmp_path / "log", [header(BEGAN_S, ["ark"]), result("ark", "a", "deleted", BEGAN_S)]
    )
    findings = [("a", "present"), ("b", "absent"), ("a", "absent"), ("c", "unknown")]
    lines = [orjson.dumps({"id": one, "lane": "ark", "found": word}) for one, word in findings]
    (tmp_path / "log.verify.jsonl").write_bytes(b"\n".join([*lines, b"{", b'{"id":1}', b"[]"]))

    found = report(log)

    assert found.evidence[0].verified == {"ark": {"present": 0, "absent": 2, "unknown": 1}}
    assert "2 absent, 1 unknown" in markdown_report(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_command_that_deletes_is_ever_made_up(seed: int, tmp_path: Path) -> None:
    """A header lacks what chose the objects: with another column or age, others would be deleted."""
    found = report(write(tmp_path / "log", history(random.Random(seed))))

    assert not any("delete" in command.split()[:2] for command in found.left.commands)


def run_of(
    sources: list[str], pending: int | None, began_s: float, state: str = "finished"
) -> list[object]:
    """Return the records of a run that has deleted one ID; without an end if ``pending`` is None."""
    done = result("ark", sources[0], "deleted", began_s)
    ended = end(began_s + 9, 9.0, {"ark": {"pending": pending or 0}}, state=state)
    return [header(began_s, ["ark"], sources), done, *([] if pending is None else [ended])]


@pytest.mark.parametrize(
    "first",
    [
        run_of(["a"], 500, BEGAN_S, "stopped"),
        run_of(["a"], None, BEGAN_S),
        run_of(["a"], 0, BEGAN_S, "stopped"),
    ],
)
@pytest.mark.parametrize("apart", [False, True], ids=["one log", "two logs"])
def test_a_later_run_of_other_sources_hides_nothing(
    first: list[object], apart: bool, tmp_path: Path
) -> None:
    """Stopped, killed, or ended at a damaged source: what it left is still to do."""
    second = run_of(["b"], 0, BEGAN_S + 1e5)
    if apart:
        logs = [write(tmp_path / "1", first), write(tmp_path / "2", second)]
    else:
        logs = [write(tmp_path / "1", [*first, *second])]
    again = [*first, *run_of(["a"], 0, BEGAN_S + 2e5)]

    for order in (logs, logs[::-1]):
        text = markdown_report(report(*order))
        assert "Nothing: every ID" not in text
        assert "The newest run of a, in" in text
    assert "Nothing: every ID" in markdown_report(report(write(tmp_path / "3", again)))


def test_what_is_gone_in_doubt_is_not_called_failed(tmp_path: Path) -> None:
    """It failed first; its last line says otherwise."""
    failed = [result("ark", f"{n}", "failed", BEGAN_S, error="no") for n in range(3)]
    later = [result("ark", f"{n}", "gone", BEGAN_S + 1, doubted=True) for n in range(2)]
    log = write(tmp_path / "log", [header(BEGAN_S, ["ark"]), *failed, *later])

    found = report(log)

    assert found.counts["failed"] == 1 == sum(each.count for each in found.failures)
    assert [line["id"] for each in found.failures for line in each.samples] == ["2"]
    assert list(iter_failed([log])) == ["2"]


def test_the_rate_is_that_of_the_time_in_which_results_came(tmp_path: Path) -> None:
    """A run that was killed has no pace record, and its IDs must not be counted for another's time."""
    slow = [result("ark", f"{n}", "deleted", BEGAN_S + n / 10) for n in range(600)]
    log = write(
        tmp_path / "log",
        [header(BEGAN_S, ["ark"]), *slow, header(BEGAN_S + 100, ["ark"]), pace("ark", 0.01, 1, 0)],
    )

    assert re.search(r"\| ark +\| [^|]+\| +(9\.\d+|10)/s", markdown_report(report(log)))


def test_more_lanes_than_are_told_apart_and_times_that_cannot_be(tmp_path: Path) -> None:
    """A log of a thousand accounts; a clock in the year 9999, or before 1."""
    many = [result(f"lane{n}", "x", "deleted", BEGAN_S) for n in range(5_000)]
    odd = header(BEGAN_S, ["ark"])
    for at_text in ("9999-12-31T23:59:59.000Z", "0001-01-01T00:00:00+14:00"):
        odd["run"]["at"] = at_text
        records = [odd, pace("ark", 10.0, 1, 0), result("ark", "a", "deleted", BEGAN_S)]
        assert markdown_report(report(write(tmp_path / "odd", records)))
    found = report(write(tmp_path / "many", [header(BEGAN_S, ["lane0"]), *many]))
    assert found.counts["deleted"] == 5_000


def test_the_folder_of_a_job_is_one_log(tmp_path: Path) -> None:
    """What many machines did is one job: its run logs have headers, its parts results."""
    (tmp_path / "job.json").write_text("{}")
    (tmp_path / "part-0000").mkdir()
    run = [header(BEGAN_S, ["ark"]), end(BEGAN_S + 9, 9.0, {"ark": {"pending": 0, "requests": 2}})]
    write(tmp_path / "run-000001.jsonl", run)
    ids = [result("ark", f"id_{n}", "deleted", BEGAN_S + n) for n in range(2)]
    write(tmp_path / "part-0000" / "000002.jsonl", [header(BEGAN_S, ["ark"]), *ids])

    found = report(tmp_path)

    assert (found.counts["deleted"], len(found.runs), found.state) == (2, 1, "finished")
    [evidence] = found.evidence
    assert [Path(file.path).name for file in evidence.files] == ["run-000001.jsonl", "000002.jsonl"]
    assert found.left.what == ()
