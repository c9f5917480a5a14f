"""A key is nowhere but in the request: no log, no message, no URL, no process list.

One distinctive key goes through every way a run can end, also at a provider that quotes
it back; then everything that was written is searched for it.
"""

from __future__ import annotations

import asyncio
import json
import traceback
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
from bulkdel.settings import Lane
from tests.support.command import Ended, Job, emulated, run_command, started, wait_until

SECRET = "sk-Zu9qXb7-only-in-the-header-4711"
ENV = {"ARK_API_KEY": SECRET, "FIREWORKS_API_KEY": SECRET, "OPENAI_API_KEY": SECRET}


def assert_hidden(folder: Path, *ends: Ended) -> None:
    """Search for the key, and for parts of it, in all that was printed and written."""
    texts = [text for ended in ends for text in (ended.out, ended.err)]
    texts += [path.read_text(errors="replace") for path in folder.iterdir() if path.is_file()]
    for text in texts:
        assert SECRET not in text
        assert SECRET[6:] not in text


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


def test_a_key_given_in_place_of_its_variable_is_not_repeated(tmp_path: Path) -> None:
    """It is a common slip, and the message about it goes into logs and chats."""
    (tmp_path / "ids.txt").write_text("resp_1\n")
    flags = ["-p", "ark", "--yes", "--api-key-env", SECRET]

    ended = run_command("delete", "ids.txt", *flags, cwd=tmp_path, env={})

    assert ended.code == 2
    assert "--api-key-env" in ended.err
    assert SECRET not in ended.err
