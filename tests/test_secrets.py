"""A key is nowhere but in the request: no log, no message, no URL, no process list.

One distinctive key goes through every way a run can end, also at a provider that quotes
it back; then everything that was written is searched for it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import traceback
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

import bulkdel
from bulkdel.emulator import AccountSettings, Fault, FaultRule, make_ids
from bulkdel.errors import ConfigError
from bulkdel.models import Answer, Verdict
from bulkdel.providers import get
from bulkdel.providers.base import by_name
from bulkdel.secret import RUN
from bulkdel.settings import Lane
from bulkdel.transport.connection import KeepAliveConnection
from tests.support.command import Ended, Job, emulated, run_command, started, wait_until
from tests.support.engine_fakes import deleted, in_virtual_time
from tests.support.lane_job import Job as LaneJob

SECRET = "sk-Zu9qXb7-only-in-the-header-4711"
RUNS = {SECRET[at : at + RUN] for at in range(len(SECRET) - RUN + 1)}
ENV = {"ARK_API_KEY": SECRET, "FIREWORKS_API_KEY": SECRET, "OPENAI_API_KEY": SECRET}


def assert_hidden(folder: Path, *ends: Ended) -> None:
    """Search for the key, and for parts of it, in all that was printed and written."""
    texts = [text for ended in ends for text in (ended.out, ended.err)]
    texts += [path.read_text(errors="replace") for path in folder.iterdir() if path.is_file()]
    for text in texts:
        assert RUNS.isdisjoint(text[at : at + RUN] for at in range(len(text)))


def test_no_way_to_end_shows_the_key(tmp_path: Path) -> None:
    """Logs are kept for years and sent around; terminals are recorded."""
    ids = make_ids("ark", 30)
    faults = [
        FaultRule(fault=Fault.ERROR, first=3, last=4),
        FaultRule(fault=Fault.REJECTED, first=15, last=16),
        FaultRule(fault=Fault.DROP, first=18, last=18),
    ]
    account = AccountSettings(ids=ids, key=SECRET, faults=faults)
    with emulated(ark=account) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        dry = job.delete("--dry-run", env=ENV)
        some_failed = job.delete(env=ENV)
        finished = job.delete("--json", "--retry-failed", env=ENV)
        wrong_usage = job.delete("--rate", "-1", env=ENV)
        nobody = ["--base-url", "https://127.0.0.1:1/v1", "--outage-limit", "0"]
        no_host = job.delete(*nobody, "--log", f"{job.log}2", env=ENV)

        strays = emulator.strays
    with emulated(ark=AccountSettings(ids=ids, key="another")) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        refused = job.delete("--log", f"{job.log}3", env=ENV)
        no_route = job.delete("--base-url", f"{emulator.url}/x", "--log", f"{job.log}4", env=ENV)
        strays += emulator.strays

    ends = [dry, some_failed, finished, wrong_usage, no_host, refused, no_route]
    assert [ended.code for ended in ends] == [0, 1, 0, 2, 3, 3, 3]
    assert_hidden(tmp_path, *ends)
    assert not any(SECRET in stray for stray in strays)


@asynccontextmanager
async def _echoing() -> AsyncIterator[str]:
    """Serve a provider that quotes the whole request in its errors; yield its base URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                quoted = head.decode().replace("\r\n", " ").replace('"', "'")
                number = int(head.split(b"/responses/resp_")[1].split(b" ")[0])
                status = (400, 401, 500, 403)[number % 4] if number > 2 else 200
                error = {"code": quoted[-90:], "message": quoted, "type": quoted}
                ok = {"id": f"resp_{number}", "object": "response", "deleted": True}
                body = json.dumps(ok if status == 200 else {"error": error}).encode()
                lines = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                lines += f"X-Request-Id: {quoted[-60:]}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(lines.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.fixture
def echoing() -> Iterator[str]:
    """Base URL of a provider that quotes the key."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_echoing()) as url:
        yield url


def test_a_provider_that_quotes_the_key_does_not_bring_it_into_the_log(
    echoing: str, tmp_path: Path
) -> None:
    """Some gateways quote the request in their errors; its words are kept, but not the key."""
    ids = tmp_path / "ids.txt"
    for status, numbers in (("400", (4, 8, 12)), ("500", (6, 10)), ("401", (5,)), ("403", (7,))):
        ids.write_text("".join(f"resp_{number}\n" for number in (0, 1, 2, *numbers)))
        usual = ["-p", "openai", "--base-url", echoing, "--yes", "--attempts", "2"]
        log = tmp_path / f"{status}.jsonl"

        ended = run_command("delete", ids, *usual, "--log", log, "--concurrency", "1", env=ENV)

        assert ended.code in (1, 3), ended.err
        assert "DELETE /v1/responses" in log.read_text() + ended.err  # its words are kept
        assert_hidden(tmp_path, ended)


def test_an_echo_in_parts_does_not_bring_parts_of_the_key_into_the_log(tmp_path: Path) -> None:
    """Seeded servers: any status, the key cut, split over fields, in capitals, URLs and base64.

    6 to 34 of its 35 characters came into the log.
    """
    log = tmp_path / "log.jsonl"
    for seed in range(200):
        dice = random.Random(seed)

        def answering(object_id: str, _: int, dice: random.Random = dice) -> Answer:
            return deleted(object_id) if object_id < "resp_4" else _quoting(dice)

        job = LaneJob(answering, attempts_max=2)
        job.lane = replace(job.lane, api_key=SECRET)

        @in_virtual_time
        async def try_once(job: LaneJob = job) -> None:
            with anyio.fail_after(7200):
                await job.delete([f"resp_{number}" for number in range(9)], log=log)

        try_once()

        shown = log.read_text()
        found = [part for part in RUNS_WRITTEN if part in shown]
        assert not found, (seed, found, shown)
        assert "kept" in shown, seed
        log.unlink()


def _quoting(dice: random.Random) -> Answer:
    """Return an answer that has parts of the key in any of its fields."""
    cut = dice.randint(0, len(SECRET))
    parts = [dice.choice(WAYS)(part) for part in dice.choices((SECRET[:cut], SECRET[cut:]), k=6)]
    fill = "x" * dice.choice((0, 10, 80, 180, 480, 490, 499))
    error = {
        "code": f"kept{parts[0]}",
        "message": f"kept {fill} {parts[1]}",
        "type": parts[2],
        "param": parts[3],
    }
    headers = {"x-request-id": f"kept-{parts[4]}", "location": f"https://x.example/kept?{parts[5]}"}
    body: object = dice.choice(({"error": error}, {"detail": f"kept {parts[1]}"}, error))
    page = f"<html>kept {fill[:100]} {parts[1]}</html>".encode()
    raw = dice.choice((json.dumps(body).encode(), page))
    return Answer(dice.choice((301, 400, 401, 403, 404, 409, 500, 200)), raw, headers)


WAYS = (
    str,
    str.upper,
    lambda part: urllib.parse.quote(part, safe=""),
    lambda part: "".join(f"%{ord(char):02x}" for char in part),
    lambda part: base64.b64encode(part.encode()).decode(),
    lambda part: base64.b64encode(f"user:{part}".encode()).decode(),
)
RUNS_WRITTEN = {way(SECRET[at : at + 12]) for way in WAYS[:4] for at in range(len(SECRET) - 11)} | {
    base64.b64encode(SECRET[at : at + 12].encode()).decode()[2:-2] for at in range(len(SECRET) - 11)
}


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_the_process_list_does_not_show_the_key(tmp_path: Path) -> None:
    """Everybody on the machine may read it."""
    ids = make_ids("ark", 50)
    with emulated(ark=AccountSettings(ids=ids, key=SECRET, latency_s=0.05)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with started(*job.arguments, "--concurrency", "1", env=ENV) as running:
            wait_until(lambda: job.present < 50, "it is running")
            shown = Path(f"/proc/{running.process.pid}/cmdline").read_bytes()

    assert b"delete" in shown
    assert SECRET.encode() not in shown


def test_a_traceback_does_not_show_the_key(tmp_path: Path) -> None:
    """Even when something breaks that never should: tracebacks go into bug reports."""
    ids = make_ids("ark", 3)

    def broken(object_id: str, answer: Answer) -> Verdict:
        raise RuntimeError(f"planted at {object_id} {answer}")

    with emulated(ark=AccountSettings(ids=ids, key=SECRET)) as emulator:
        responses = get("ark").resource()
        breaking = replace(responses, delete=replace(responses.delete, judge=broken))
        lane = Lane(
            provider=replace(get("ark"), resources=by_name(breaking)),
            api_key=SECRET,
            base_url=emulator.base_url("ark"),
        )

        async def test() -> None:
            await bulkdel.delete_ids(ids, lane=lane, log=tmp_path / "log.jsonl")

        with pytest.raises(RuntimeError) as raised:
            anyio.run(test)

    # With the variables of every frame, as error trackers collect them.
    report = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    shown = "".join(report.format())
    assert "planted" in shown
    assert emulator.base_url("ark") in shown
    assert SECRET not in shown
    assert SECRET not in repr(lane)
    assert_hidden(tmp_path)


def test_no_frame_of_a_transport_has_the_key_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crash reporters send the variables of every frame, wherever something broke."""
    ids = make_ids("ark", 3)

    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    hand_over = KeepAliveConnection._hand_over
    monkeypatch.setattr(KeepAliveConnection, "data_received", lambda one, _: hand_over(one))
    monkeypatch.setattr(KeepAliveConnection, "_read", broken)
    with emulated(ark=AccountSettings(ids=ids, key=SECRET)) as emulator:

        async def test() -> None:
            await bulkdel.delete_ids(
                ids,
                lane=Lane(provider=get("ark"), api_key=SECRET, base_url=emulator.base_url("ark")),
            )

        with pytest.raises(RuntimeError) as raised:
            anyio.run(test)

    report = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    shown = "".join(report.format())
    assert "planted" in shown
    assert "exchange" in shown
    assert not [part for part in RUNS if part in shown]


@pytest.mark.parametrize(
    "key",
    ["", f"{SECRET}\nX-Evil: 1", f"{SECRET}é", f"{SECRET} {SECRET}", f"{SECRET}\x00", "\n"],
)
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    """A broken variable is common; its content must not end up in a ticket."""
    with pytest.raises(ConfigError, match="key") as refused:
        Lane(provider=get("ark"), api_key=key)

    shown = "".join(traceback.format_exception(refused.value))
    assert SECRET not in shown
    assert "Evil" not in shown
    assert "ark" in str(refused.value)


@pytest.mark.parametrize("head", ["", "ark=", "ark-", "fireworks-eu="])
def test_a_key_given_in_place_of_its_variable_is_not_repeated(tmp_path: Path, head: str) -> None:
    """It is a common slip, and the message about it goes into logs and chats."""
    (tmp_path / "ids.txt").write_text("resp_1\n")
    flags = ["-p", "ark", "--yes", "--api-key-env", f"{head}{SECRET}=="]

    ended = run_command("delete", "ids.txt", *flags, cwd=tmp_path, env={})

    assert ended.code == 2
    assert "--api-key-env" in ended.err
    assert not [part for part in RUNS if part in ended.err]
