"""The real command, end to end: the IDs of files are deleted, logged and resumed."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Fault, FaultRule, make_ids
from tests.support.command import (
    KEYS,
    Ended,
    Job,
    assert_adds_up,
    emulated,
    log_lines,
    results,
    run_command,
)

IDS = 3000


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """Three thousand IDs at a provider that loses some requests and fails at others."""
    ids = make_ids("ark", IDS)
    faults = [
        FaultRule(fault=Fault.ERROR, share=0.01),
        FaultRule(fault=Fault.DROP, share=0.01),
        FaultRule(fault=Fault.DROP_AFTER, share=0.005),
        FaultRule(fault=Fault.NOT_DELETED, share=0.005),
    ]
    account = AccountSettings(ids=ids, latency_s=0.002, faults=faults)
    with emulated(ark=account) as emulator:
        yield Job(emulator, "ark", ids, tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def first(job: Job) -> Ended:
    """Its first run."""
    return job.delete("--json")


@pytest.fixture(scope="module")
def second(job: Job, first: Ended) -> Ended:
    """The same command once more, in words."""
    assert first.code == 0
    return job.delete()


def test_deletes_every_id_of_a_file_despite_faults(job: Job, first: Ended) -> None:
    """The main job: exit 0 means that the provider has nothing left."""
    assert first.code == 0, first.err
    assert job.present == 0


def test_the_log_has_one_line_for_each_id(job: Job, first: Ended) -> None:
    """The log is the only evidence: no ID twice, none missing, none without a sound end."""
    lines = results(job.log)

    assert Counter(line["id"] for line in lines) == Counter(job.ids)
    assert {line["outcome"] for line in lines} <= {"deleted", "gone"}
    assert all(line.get("after_unknown") for line in lines if line["outcome"] == "gone")
    assert first.json["deleted"] + first.json["gone"] == IDS


def test_json_is_one_object_on_stdout_and_adds_up(job: Job, first: Ended) -> None:
    """A script reads stdout; nothing else may be printed there."""
    summary = first.json

    assert first.out.count("\n") == 1
    assert_adds_up(summary)
    assert summary["state"] == "finished"
    assert summary["reason"] is None
    assert summary["log"] == str(job.log)
    assert summary["read"] == IDS
    assert summary["requests"] >= IDS


def test_the_log_begins_with_the_run_and_ends_with_its_summary(job: Job, first: Ended) -> None:
    """A log tells by itself what was run, where, and how it ended."""
    lines = log_lines(job.log)

    header = lines[0]["run"]
    url = job.emulator.base_url("ark")
    place = {"provider": "ark", "resource": "responses", "base_url": url}
    assert header["lanes"] == {"ark": {**place, "rate": 20_000.0, "rate_max": 20.0}}
    assert header["sources"] == [str(job.file)]
    ends = [line["end"] for line in lines if "end" in line]
    assert ends[0] == first.json


def test_a_second_run_sends_nothing_and_says_so(job: Job, second: Ended) -> None:
    """Starting again is always safe."""
    before = job.requests

    ended = job.delete("--json")

    assert second.code == ended.code == 0
    assert job.requests == before
    assert ended.json["skipped"] == IDS
    assert ended.json["requests"] == 0
    assert "Nothing was sent" in second.out
    assert str(job.log) in second.out


def test_stdin_twice_sends_each_id_once(tmp_path: Path) -> None:
    """A pipe can be resumed like a file, since the log tells what is done."""
    ids = make_ids("fireworks", 300)
    text = "".join(f"{object_id}\r\n" for object_id in ids)
    log = tmp_path / "x.jsonl"
    with emulated(fireworks=AccountSettings(ids=ids)) as emulator:
        url = emulator.base_url("fireworks")
        flags = ["-p", "fireworks", "--log", str(log), "--base-url", url, "--rate", "5000", "-y"]

        first = run_command("delete", "-", *flags, stdin=text)
        second = run_command("delete", "-", *flags, "--json", stdin=text)

        assert first.code == second.code == 0, first.err + second.err
        assert emulator.present("fireworks") == []
        assert emulator.stats()["totals"]["requests"] == 300
        assert second.json["skipped"] == 300


def test_two_lanes_of_gzip_csv_and_jsonl_files(tmp_path: Path) -> None:
    """One run may purge several accounts, from whatever the exports are."""
    ark, fireworks = make_ids("ark", 60), make_ids("fireworks", 40)
    with gzip.open(tmp_path / "a.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([["made", "id"], *[["x, y", i] for i in ark[:40]]])
    rows = [json.dumps({"id": i, "n": 1}) for i in ark[40:]]
    (tmp_path / "b.jsonl").write_text("\n".join(rows))
    (tmp_path / "c.txt").write_text("# a comment\n\n" + "\n".join(fireworks * 2))
    with emulated(
        ark=AccountSettings(ids=ark), fireworks=AccountSettings(ids=fireworks)
    ) as emulator:
        urls = [f"--base-url={name}={emulator.base_url(name)}" for name in ("ark", "fireworks")]
        sources = ["ark=a.csv.gz", "ark=b.jsonl", "fireworks=c.txt"]
        flags = ["--log", "purge.jsonl", "--rate", "5000", "--yes", "--json"]

        ended = run_command("delete", *sources, *urls, *flags, cwd=tmp_path)

        assert ended.code == 0, ended.err
        assert emulator.stats()["totals"]["present"] == 0
    assert_adds_up(ended.json)
    lanes = ended.json["lanes"]
    assert {name: lanes[name]["deleted"] for name in lanes} == {"ark": 60, "fireworks": 40}
    assert lanes["fireworks"]["duplicates"] == 40


def test_rows_name_their_lane_with_provider_field(tmp_path: Path) -> None:
    """A mixed export needs no splitting, and a row of no lane is sent nowhere."""
    ids = {"ark": make_ids("ark", 30), "fireworks": make_ids("fireworks", 30)}
    pairs = zip(ids["ark"], ids["fireworks"], strict=True)
    rows = [
        {"provider": name, "response": {"id": object_id}}
        for pair in pairs
        for name, object_id in zip(ids, pair, strict=True)
    ]
    rows.insert(7, {"provider": "nobody", "response": {"id": "resp_x"}})
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with emulated(**{name: AccountSettings(ids=ids[name]) for name in ids}) as emulator:
        urls = [f"--base-url={name}={emulator.base_url(name)}" for name in ids]
        fields = ["--provider-field", "provider", "--id-field", "response.id"]
        env = {name: KEYS[name] for name in ("ARK_API_KEY", "FIREWORKS_API_KEY")}

        ended = run_command(
            "delete", source, *fields, *urls, "--rate=5000", "--yes", "--json", env=env
        )

        assert emulator.stats()["totals"]["present"] == 0
        assert emulator.stats()["totals"]["unknown"] == 0
    assert ended.code == 1, ended.err
    assert ended.json["deleted"] == 60
    assert ended.json["invalid"] == 1


@pytest.mark.parametrize(
    ("lane", "word"), [("fireworks", "set FIREWORKS_API_KEY"), ("ark-eu", "--api-key-env ark-eu=")]
)
def test_a_lane_that_rows_name_and_that_has_no_key_ends_it_before_anything_is_sent(
    tmp_path: Path, lane: str, word: str
) -> None:
    """Which rows are deleted must not depend on the keys that happen to be set."""
    ids = make_ids("ark", 20)
    rows = [{"provider": "ark", "id": object_id} for object_id in ids]
    rows.append({"provider": lane, "id": "resp_x"})
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        flags = ["--provider-field=provider", f"--base-url=ark={emulator.base_url('ark')}", "--yes"]

        ended = run_command("delete", source, *flags, env={"ARK_API_KEY": KEYS["ARK_API_KEY"]})

        assert emulator.stats()["totals"]["requests"] == 0
    assert ended.code == 2
    assert word in ended.err
    assert not Path(f"{source}.bulkdel.jsonl").exists()


def test_rows_of_a_table_that_are_taken_for_text_are_not_sent(tmp_path: Path) -> None:
    """They would all be "gone", the run end well, and every object stay."""
    ids = make_ids("ark", 30)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        job.file.write_text("".join(f"{object_id},2024-01-01\n" for object_id in ids))

        looked = job.delete("--dry-run")
        ended = job.delete("--allow-gone")

        assert emulator.stats()["totals"]["requests"] == 0
        assert ended.code == 2
        assert "do not look like those of ark" in ended.err
        assert ",2024-01-01'" in ended.err
        assert "A run would be refused" in looked.out
        assert "CHECK: 30 do not look like" in looked.out

        assert job.delete("--allow-gone", "--any-id").code == 0


def test_a_few_ids_that_look_odd_are_no_reason_to_refuse_the_rest(tmp_path: Path) -> None:
    """Looks are observations, not rules."""
    ids = make_ids("ark", 30)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        job.file.write_text("\n".join([*ids, "odd,1", "odd,2"]) + "\n")

        ended = job.delete("--json")

        assert ended.json["deleted"] == 30
        assert job.present == 0


def test_bad_rows_are_logged_with_source_and_line_and_the_rest_is_deleted(tmp_path: Path) -> None:
    """A dirty ID file costs its bad rows only, and each can be found again."""
    ids = make_ids("ark", 30)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        rows = [b"..", b"a b", b"x" * 5000, b"\xff\xfe", *(i.encode() for i in ids)]
        job.file.write_bytes(b"\n".join(rows))

        ended = job.delete("--json")

        assert ended.code == 1, ended.err
        assert job.present == 0
        assert emulator.stats()["stray"] == 0
    invalid = [line for line in results(job.log) if line["outcome"] == "invalid"]
    assert [(line["source"], line["line"]) for line in invalid] == [
        (str(job.file), number) for number in (1, 2, 3, 4)
    ]
    assert all(line["error"] and "status" not in line for line in invalid)
    assert ended.json["invalid"] == 4


def test_failed_ids_give_exit_1_can_be_listed_and_tried_again(tmp_path: Path) -> None:
    """What cannot be deleted is never hidden, and is not sent again unless asked for."""
    ids = make_ids("ark", 60)
    rejected = FaultRule(fault=Fault.REJECTED, first=40, last=42)
    with emulated(ark=AccountSettings(ids=ids, faults=[rejected])) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        first = job.delete()
        left = sorted(emulator.present("ark"))
        listed = run_command("failed", job.log)
        again = job.delete()
        retried = job.delete("--retry-failed", "--json")

        assert job.present == 0
    assert first.code == 1, first.err
    assert f"bulkdel failed {job.log}" in first.out
    assert sorted(listed.out.split()) == left
    assert len(left) == 3
    assert again.code == 1
    assert "--retry-failed" in again.out
    assert retried.code == 0
    assert retried.json["requests"] == 3


def test_what_a_finished_log_has_is_skipped(tmp_path: Path) -> None:
    """A log that was compressed and put away still saves its requests."""
    ids = make_ids("ark", 30)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids[:20], tmp_path)
        assert job.delete().code == 0
        old = tmp_path / "old.jsonl.gz"
        old.write_bytes(gzip.compress(job.log.read_bytes()))
        job.log.unlink()
        again = Job(emulator, "ark", ids, tmp_path)

        ended = again.delete("--json", "--done", str(old))

        assert (ended.code, ended.json["skipped"], ended.json["deleted"]) == (0, 20, 10)
        assert again.requests == 30
