"""The socket's other end: a mistake of ours is told to who asks, and ends nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import anyio
import orjson
import pytest
from anyio.abc import TaskGroup

from bulkdel.control.client import _check_whose
from bulkdel.control.server import CLIENTS_MAX, Control
from bulkdel.control.wire import order_line, socket_path
from bulkdel.engine.steering import Order, Verb
from bulkdel.errors import ConfigError


class Accepting(NamedTuple):
    """A listener, as far as it is used."""

    accept: Callable[[], Awaitable[Any]]


def test_a_mistake_of_ours_is_told_and_the_next_one_is_answered(tmp_path: Path) -> None:
    """Silence would look like a run of another user."""
    asked = []

    def status() -> dict[str, object]:
        asked.append(1)
        if len(asked) == 1:
            raise LookupError("nobody expected it")
        return {"well": True}

    def follow(order: Order, by: str) -> str:
        return f"{order.verb.value} {by}"

    async def ask(log: Path, line: bytes) -> dict[str, object]:
        with socket_path(log) as path:
            async with await anyio.connect_unix(path) as stream:
                await stream.send(line)
                return dict(orjson.loads(await stream.receive()))

    async def talk() -> None:
        log = tmp_path / "log"
        async with Control(status, follow).beside(log):
            first = await ask(log, order_line(None))
            assert not first["ok"]
            assert "internal error: LookupError" in str(first["error"])
            assert await ask(log, order_line(None)) == {"ok": True, "status": {"well": True}}
            said = await ask(log, order_line(Order(Verb.PAUSE)))
            assert str(said["said"]).startswith("pause process")

    anyio.run(talk)


def test_an_order_of_one_who_has_gone_is_not_followed(tmp_path: Path) -> None:
    """It was told that the run does not answer: it must not be carried out an hour later."""
    followed: list[Order] = []

    def follow(order: Order, _: str) -> str:
        followed.append(order)
        return "done"

    async def talk() -> None:
        log = tmp_path / "log"
        async with Control(dict, follow).beside(log):
            with socket_path(log) as path:
                gone = socket.socket(socket.AF_UNIX)
                gone.connect(str(path))
                gone.sendall(order_line(Order(Verb.PAUSE)))
                gone.close()  # before the run comes to read it
                stays = await anyio.connect_unix(path)
                await stays.send(order_line(Order(Verb.RESUME)))
                assert orjson.loads(await stays.receive())["ok"]
                await stays.aclose()

    anyio.run(talk)

    assert [order.verb for order in followed] == [Verb.RESUME]


def test_who_asks_waits_while_no_file_can_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run would else be steered by nobody any more, until it ends."""
    monkeypatch.setattr("bulkdel.control.server._NO_FILE_S", 0.0)

    async def talk() -> None:
        log = tmp_path / "log"
        control = Control(lambda: {"well": True}, lambda *_: "")
        refused = 3

        async def serve(listener: Any, tasks: TaskGroup) -> None:
            accept = listener.accept

            async def accept_later() -> Any:
                nonlocal refused
                if refused:
                    refused -= 1
                    raise OSError(errno.EMFILE, "too many open files")
                return await accept()

            await Control._serve(control, cast("Any", Accepting(accept_later)), tasks)

        monkeypatch.setattr(control, "_serve", serve)
        async with control.beside(log):
            for _ in range(CLIENTS_MAX + 3):
                with socket_path(log) as path:
                    async with await anyio.connect_unix(path) as stream:
                        await stream.send(order_line(None))
                        assert orjson.loads(await stream.receive())["status"] == {"well": True}
        assert not refused

    anyio.run(talk)


@pytest.mark.parametrize(("uid", "is_believed"), [(0, True), (65534, False), (None, True)])
def test_a_socket_of_somebody_else_is_not_believed(
    uid: int | None, is_believed: bool, tmp_path: Path
) -> None:
    """In a folder for all, who comes first could answer for the run."""
    log = tmp_path / "log"
    log.touch()
    raw = struct.pack("3i", 1, os.geteuid() if uid is None else uid, 1)
    other = cast("socket.socket", SimpleNamespace(getsockopt=lambda *_: raw))
    with contextlib.nullcontext() if is_believed else pytest.raises(ConfigError, match="65534"):
        _check_whose(other, log)
