"""``bulkdel list`` against the emulator: list, choose, go on, delete what was listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from bulkdel.emulator import DIALECTS, AccountSettings, TokenBucket, make_ids
from bulkdel.providers import PROVIDERS, RESPONSES
from tests.support.command import KEY, emulated, run_command, whose
from tests.support.transport_server import answering, raw_server

LANES = [
    provider.name if resource.name == RESPONSES else f"{provider.name}:{resource.name}"
    for provider in PROVIDERS.values()
    for resource in provider.resources.values()
    if resource.name != RESPONSES or resource.listing is not None
]
ENV = {provider.key_env: KEY for provider in PROVIDERS.values()}


@pytest.mark.parametrize("lane", LANES)
def test_what_is_listed_is_deleted_and_then_missing(lane: str, tmp_path: Path) -> None:
    """Every kind of object: the emulator's words are written apart from those of the provider."""
    ids = make_ids(lane, 250)
    assert lane in DIALECTS
    with emulated(**{lane: AccountSettings(ids=ids, key=KEY)}) as emulator:
        at = ["--base-url", emulator.base_url(lane), *whose(lane)]
        if DIALECTS[lane].page is None:
            (tmp_path / "all.txt").write_text("".join(f"{one}\n" for one in ids))
            source = "all.txt"
        else:
            listed = run_command("list", lane, *at, "-o", "all.jsonl", cwd=tmp_path, env=ENV)
            assert listed.code == 0, listed.err
            assert "250 objects" in listed.err
            source = "all.jsonl"
            rows = [json.loads(line) for line in (tmp_path / source).read_text().splitlines()]
            assert {row["id"] for row in rows} == set(ids)
            (first,) = (row for row in rows if row["id"] == ids[0])
            assert first["created_at"] == "2026-01-01T00:00:00Z"

        deleted = run_command(
            *("delete", source, "-p", lane, *at, "--log", "log.jsonl", "--yes", "--rate", "1000"),
            cwd=tmp_path,
            env=ENV,
        )

        assert deleted.code == 0, deleted.err + deleted.out
        assert emulator.present(lane) == []
        assert "250 deleted" in deleted.out
        assert emulator.strays == []


def test_choosing_by_age_and_field(tmp_path: Path) -> None:
    """What is printed is what will be deleted."""
    lane = "openai:files"
    with emulated(**{lane: AccountSettings(ids=make_ids(lane, 120), key=KEY)}) as emulator:
        at = ["--base-url", emulator.base_url(lane)]

        chosen = run_command(
            *("list", lane, *at, "--before", "2026-01-01T01:00:00Z", "--where", "purpose=batch"),
            cwd=tmp_path,
            env=ENV,
        )
        young = run_command("list", lane, *at, "--newer-than", "1h", env=ENV)
        few = run_command("list", lane, *at, "--limit", "7", "-q", env=ENV)

    rows = [json.loads(line) for line in chosen.out.splitlines()]
    assert len(rows) == 30
    assert {row["purpose"] for row in rows} == {"batch"}
    assert "30 chosen" in chosen.err
    assert young.out == ""
    assert (len(few.out.splitlines()), few.err) == (7, "")


def test_a_list_that_was_cut_goes_on(tmp_path: Path) -> None:
    """Whatever stands behind the last whole page is cut off; nothing comes twice."""
    lane = "anthropic:files"
    ids = make_ids(lane, 2500)
    with emulated(**{lane: AccountSettings(ids=ids, key=KEY)}) as emulator:
        arguments = ["list", lane, "--base-url", emulator.base_url(lane), "-o", "all.jsonl"]
        whole = run_command(*arguments, cwd=tmp_path, env=ENV)
        path, note = tmp_path / "all.jsonl", tmp_path / "all.jsonl.cursor"
        lines = path.read_bytes().splitlines(keepends=True)
        finished = run_command(*arguments, cwd=tmp_path, env=ENV)
        what = {"lane": lane, "base_url": emulator.base_url(lane), "choice": []}
        begun = b"".join(lines[:1000])
        path.write_bytes(begun + lines[1000][:20])
        state = {"what": what, "cursor": json.loads(lines[999])["id"], "bytes": len(begun)}
        note.write_text(json.dumps(state))

        other = run_command(*arguments, "--older-than", "1d", cwd=tmp_path, env=ENV)
        again = run_command(*arguments, cwd=tmp_path, env=ENV)

    assert (whole.code, finished.code, other.code, again.code) == (0, 2, 2, 0)
    assert "exists already" in finished.err
    assert "another list" in other.err
    assert "Going on with" in again.err
    assert "1,500 objects" in again.err
    assert path.read_bytes().splitlines(keepends=True) == lines
    assert not note.exists()


def test_a_file_that_lost_its_end_is_not_gone_on_with(tmp_path: Path) -> None:
    """What is missing in it was listed before the cursor, and would not come again."""
    lane = "anthropic:files"
    with emulated(**{lane: AccountSettings(ids=make_ids(lane, 10), key=KEY)}) as emulator:
        url = emulator.base_url(lane)
        line = b'{"id":"file_1"}\n'
        path, note = tmp_path / "all.jsonl", tmp_path / "all.jsonl.cursor"
        path.write_bytes(line)
        what = {"lane": lane, "base_url": url, "choice": []}
        note.write_text(json.dumps({"what": what, "cursor": "file_2", "bytes": 2 * len(line)}))

        ended = run_command(
            *("list", lane, "--base-url", url, "-o", "all.jsonl"), cwd=tmp_path, env=ENV
        )

    assert ended.code == 2
    assert "a part of it is lost" in ended.err
    assert path.read_bytes() == line
    assert note.exists()


def test_a_server_that_ignores_the_cursor_is_left_and_that_is_said(tmp_path: Path) -> None:
    """Its first page comes again and again: whoever reads the list must know it may be a part."""
    body = b'{"data":[{"id":"file-1","created_at":1}],"has_more":true}'
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(raw_server(answering(head + body))) as server,
    ):
        at = ["--base-url", f"http://127.0.0.1:{server.port}/v1"]
        ended = run_command("list", "openai:files", *at, cwd=tmp_path, env=ENV)

    assert ended.code == 0
    assert [json.loads(line)["id"] for line in ended.out.splitlines()] == ["file-1"]
    assert "there may be more than are listed" in ended.err


def test_a_limit_is_kept_and_a_wrong_key_is_said(tmp_path: Path) -> None:
    """The pace finds the limit; what cannot be listed is no empty list."""
    lane = "gemini:files"
    account = AccountSettings(ids=make_ids(lane, 900), key=KEY, limit=TokenBucket(20, 2))
    with emulated(**{lane: account}) as emulator:
        at = ["--base-url", emulator.base_url(lane)]
        listed = run_command("list", lane, *at, cwd=tmp_path, env=ENV)
        wrong = run_command("list", lane, *at, env={"GEMINI_API_KEY": "wrong"})
        nowhere = run_command("list", lane, *at[:1], f"{emulator.url}/nowhere", env=ENV)
        no_key = run_command("list", lane, *at, env={})
        no_list = run_command("list", "openai", *at, env=ENV)
        no_lane = run_command("list", env=ENV)

    assert len(listed.out.splitlines()) == 900
    assert wrong.code == nowhere.code == no_list.code == 3
    assert "key" in wrong.err
    assert "no list" in no_list.err
    assert no_key.code == no_lane.code == 2
    assert "GEMINI_API_KEY" in no_key.err
    assert (wrong.out, nowhere.out) == ("", "")
