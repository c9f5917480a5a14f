"""The real command stops early where every ID would meet the same, and says what to do."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Emulator, Fault, FaultRule, make_ids
from tests.support.command import (
    Job,
    assert_adds_up,
    emulated,
    log_lines,
    results,
    run_command,
    started,
    wait_until,
)

IDS = 400


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An account at Ark, whose objects nobody may delete by mistake."""
    with emulated(ark=AccountSettings(ids=make_ids("ark", IDS))) as emulator:
        yield emulator


def test_a_wrong_key_stops_with_exit_3_and_burns_no_id(emulator: Emulator, tmp_path: Path) -> None:
    """Every ID would fail the same way; all must be to do still when the key is right."""
    job = Job(emulator, "ark", make_ids("ark", IDS), tmp_path)
    before = job.requests

    ended = job.delete("--json", env={"ARK_API_KEY": "sk-of-somebody-else"})

    assert ended.code == 3
    assert job.present == IDS
    assert results(job.log) == []
    assert ended.json["state"] == "stopped"
    assert ended.json["pending"] == IDS
    assert job.requests - before <= 12  # those in flight, and the one that asks once more
    assert_adds_up(ended.json)
    for words in ("lane ark", "refuses the key", "AuthenticationError", "Check the key"):
        assert words in ended.err
        assert words in ended.json["reason"]


@pytest.mark.parametrize("path", ["/api/v33", "/api", "/elsewhere"])
def test_a_mistyped_base_url_stops_with_exit_3_and_logs_nothing_as_gone(
    emulator: Emulator, tmp_path: Path, path: str
) -> None:
    """It answers 404 to everything, which must not look like "all gone"."""
    job = Job(emulator, "ark", make_ids("ark", IDS), tmp_path)

    ended = job.delete("--base-url", emulator.url + path)

    assert ended.code == 3, ended.err
    assert results(job.log) == []
    assert "--base-url" in ended.err
    assert "STOPPED EARLY" in ended.out


def test_a_redirect_is_not_followed_and_stops_with_exit_3(tmp_path: Path) -> None:
    """A key follows no redirect, and an object behind one was never named by the user."""
    ids = make_ids("ark", 50)
    redirects = [FaultRule(fault=Fault.REDIRECT)]
    with emulated(ark=AccountSettings(ids=ids, faults=redirects)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        ended = job.delete()

        assert emulator.stats()["stray"] == 0
        assert job.present == 50
    assert ended.code == 3, ended.err
    assert results(job.log) == []


def test_all_gone_stops_with_exit_3_unless_allowed(emulator: Emulator, tmp_path: Path) -> None:
    """A hundred unknown IDs and no deletion yet: more likely the wrong account than true."""
    job = Job(emulator, "ark", make_ids("ark", 150, seed=9), tmp_path)

    stopped = job.delete()
    logged = results(job.log)
    allowed = job.delete("--allow-gone", "--json")

    assert stopped.code == 3
    assert "wrong account, region or project" in stopped.err
    assert "--allow-gone" in stopped.err
    assert logged == []
    assert allowed.code == 0
    assert allowed.json["gone"] == 150


def test_few_ids_at_the_wrong_account_are_not_taken_for_gone(tmp_path: Path) -> None:
    """Sixty IDs with another account's key: exit 0, and never asked again."""
    ids = make_ids("ark", 60)
    with emulated(ark=AccountSettings(ids=make_ids("ark", 5, seed=3))) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        first = job.delete("--json")
        again = job.delete()
        status = run_command("status", str(job.log))
        allowed = job.delete("--allow-gone", "--json")
        retried = job.delete("--retry-gone", "--json")

    assert (first.code, again.code) == (1, 1)
    assert first.json["doubted"] == first.json["requests"] == 60
    assert "60 gone already, in doubt" in again.out
    assert "--allow-gone" in again.out
    assert "--retry-gone" in again.out
    assert "asked for again by the next run" in status.out
    assert all(line["doubted"] is True for line in results(job.log))
    assert (allowed.code, allowed.json["requests"]) == (0, 0)
    assert retried.json["requests"] == 60


@pytest.mark.parametrize("provider", ["ark", "fireworks", "openai"])
def test_unknown_words_for_gone_are_found_out(tmp_path: Path, provider: str) -> None:
    """Ark's and Fireworks' words for a missing response are documented nowhere."""
    ids, others = make_ids(provider, 300), make_ids(provider, 40, seed=9)
    account = AccountSettings(ids=ids, missing="We keep no {id}.")
    with emulated(**{provider: account}) as emulator:
        job = Job(emulator, provider, [*ids[:150], *others, *ids[150:]], tmp_path)

        ended = job.delete("--json")
        resumed = job.delete("--json")
        stats = emulator.stats()

    assert ended.code == 0, ended.err
    assert (ended.json["deleted"], ended.json["gone"]) == (300, 40)
    assert f"lane {provider}: unknown words found out: DELETE: HTTP 404" in ended.err
    assert "We keep no" in ended.json["notes"][0]
    compared = [line["id"] for line in results(job.log) if line.get("evidence") == "compared"]
    assert sorted(compared) == sorted(others)
    assert stats["providers"][provider]["reads"] == 1
    assert stats["stray"] == 4
    # One twice, the made-up one three times; those in flight with the first are sent again.
    assert 40 + 1 + 3 <= stats["providers"][provider]["unknown"] <= 2 * 40 + 3
    assert resumed.code == 0
    assert resumed.json["requests"] == 0


def test_max_delete_counts_over_all_runs_of_a_log(tmp_path: Path) -> None:
    """The user's own limit holds to the last deletion, whatever is in flight."""
    ids = make_ids("ark", 300)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.005)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        first = job.delete("--max-delete", "100")
        left_first = job.present
        same = job.delete("--max-delete", "100", "--json")
        left_same = job.present
        more = job.delete("--max-delete", "150")

        assert (left_first, left_same, job.present) == (200, 200, 150)
    assert first.code == same.code == more.code == 3
    assert same.json["requests"] == 0
    assert "--max-delete" in first.err


def test_max_failures_stops_with_exit_3(tmp_path: Path) -> None:
    """A user who accepts few failures wants to look before there are thousands."""
    ids = make_ids("ark", 1000)
    rejects = [FaultRule(fault=Fault.REJECTED, first=30)]
    with emulated(ark=AccountSettings(ids=ids, faults=rejects, latency_s=0.01)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        ended = job.delete("--max-failures", "20", "--concurrency", "16", "--json")

    assert ended.code == 3
    assert 20 < ended.json["failed"] <= 20 + 16
    assert ended.json["pending"] > 900
    assert "--max-failures" in ended.err


def test_a_full_disk_ends_with_exit_4_and_a_new_start_converges(tmp_path: Path) -> None:
    """Without a log nothing may be sent; with room again, all that is left is deleted."""
    ids = make_ids("ark", 1500)
    bytes_max = 60_000
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.005)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        full = run_command(*job.arguments, "--json", limit=limit)
        present = set(emulator.present("ark"))
        logged = results(job.log)
        before = job.requests
        resumed = job.delete("--json")
        looks = emulator.stats()["totals"]["reads"]

        assert job.present == 0
    assert full.code == 4, full.err
    assert "result log cannot be written" in full.err
    assert "not on disk" in full.err
    assert_adds_up(full.json)
    assert full.json["deleted"] == 1500 - len(present)
    assert len(present) > 500  # it stopped, and did not go on blindly
    assert not present & {line["id"] for line in logged if line["outcome"] == "deleted"}
    assert job.log.stat().st_size > bytes_max
    assert resumed.code == 0, resumed.err
    assert before + resumed.json["requests"] - looks - len(ids) == 1500 - len(present) - len(logged)
    assert {line["id"] for line in log_lines(job.log) if "id" in line} == set(ids)


@pytest.mark.parametrize("what", ["log", "folder"])
def test_a_log_that_vanishes_ends_with_exit_4(tmp_path: Path, what: str) -> None:
    """Somebody tidies up, or a disk is unmounted: nothing may be deleted without evidence."""
    ids = make_ids("ark", 500)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.05)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        folder = tmp_path / "logs"
        folder.mkdir()
        log = folder / "log.jsonl"

        with started(*job.arguments, "--concurrency", "4", "--log", log) as running:
            wait_until(lambda: job.present < 480, "it has deleted some")
            if what == "log":
                log.unlink()
            else:
                folder.rename(tmp_path / "moved")
            ended = running.end()

        assert job.present > 300
    assert ended.code == 4, ended.err
    assert "removed" in ended.err
    assert "after all" not in ended.err
    assert not log.exists()
