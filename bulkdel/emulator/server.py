"""Serve the providers on loopback.

    http://127.0.0.1:PORT/api/v3/responses/ID         Ark        DELETE, GET
    http://127.0.0.1:PORT/inference/v1/responses/ID   Fireworks  DELETE, GET
    http://127.0.0.1:PORT/v1/responses/ID             OpenAI     DELETE, GET
    http://127.0.0.1:PORT/litellm/v1/responses/ID     LiteLLM    DELETE, GET
    http://127.0.0.1:PORT/v1/files/ID, …              what else is stored (`objects`), also listed
    http://127.0.0.1:PORT/_emulator/stats             the counts, as JSON
    http://127.0.0.1:PORT/_emulator/present?provider=ark   the IDs left, one a line

Paths are taken as sent: what follows ``/responses/`` must be one segment and is decoded
once. A request to anything else is a *stray*: it is answered as the provider in whose
part of the address space it lies would answer, counted, and kept for tests to look at.

Only loopback addresses are served: keys travel in the clear and anybody may ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import orjson
from aiohttp import web

from bulkdel.emulator.account import Account
from bulkdel.emulator.dialects import JSON, Problem, Reply
from bulkdel.emulator.faults import Fault
from bulkdel.emulator.misbehave import Server, misbehave, response
from bulkdel.emulator.settings import DIALECTS, AccountSettings, EmulatorSettings
from bulkdel.errors import ConfigError
from bulkdel.settings import is_loopback

STRAYS_KEPT_MAX: Final = 1000
"""Most strays kept; beyond it they are only counted."""

_CLOSE_WAIT_S: Final = 0.05
"""Seconds that requests in flight get when the emulator closes."""

_ON_THE_WIRE: Final = frozenset(
    {
        Fault.DROP,
        Fault.HANG,
        Fault.DROP_AFTER,
        Fault.CUT_AFTER,
        Fault.HANG_AFTER,
        Fault.ENDLESS,
    }
)


class Emulator:
    """A running emulator: where it is, and what happened at it.

    Attributes:
        url: Its address, without a path.
        strays: Method and path, as sent, of the first requests to no known route.
    """

    def __init__(self, settings: EmulatorSettings, clock: Callable[[], float]) -> None:
        empty = AccountSettings()
        self._accounts = {
            name: Account(dialect, settings.accounts.get(name, empty), settings.seed)
            for name, dialect in DIALECTS.items()
        }
        self._by_prefix = [(a.dialect.prefix, a) for a in self._accounts.values()]
        self._lists = {
            each.dialect.prefix.rstrip("/"): each
            for each in self._accounts.values()
            if each.dialect.page is not None
        }
        self._clock = clock
        self._stray_count = 0
        self.strays: list[str] = []
        self.url = ""
        self.server = Server(self._answer)

    def base_url(self, provider: str) -> str:
        """Return the base URL of a provider, for its client."""
        return self.url + self._accounts[provider].dialect.base_path

    def stats(self) -> dict[str, Any]:
        """Return the counts: ``{"totals": {…}, "providers": {NAME: {…}}, "stray": n}``.

        present, deleted: Objects. deleted_twice: deletions of an object that had been
        deleted already. unknown: deletions of an ID that never existed. requests:
        deletions that arrived, whatever became of them. reads: GETs. refusals: answered
        with "slow down". keys_refused: wrong keys. faults: requests that met one (by
        fault in "by_fault"). in_flight, in_flight_max: deletions at once, now and at
        most; in the totals, the most is that of one provider. Without latency nothing
        is ever at once.
        """
        providers: dict[str, Any] = {}
        totals: dict[str, int] = {}
        for name, account in self._accounts.items():
            counts = account.counts()
            for key, n in counts.items():
                before = totals.get(key, 0)
                totals[key] = max(before, n) if key == "in_flight_max" else before + n
            providers[name] = {**counts, "by_fault": account.faults()}
        return {"totals": totals, "providers": providers, "stray": self._stray_count}

    def present(self, provider: str) -> list[str]:
        """Return the IDs that are left."""
        return list(self._accounts[provider].store.present_ids())

    def deleted(self, provider: str) -> list[str]:
        """Return the IDs that have been deleted."""
        return list(self._accounts[provider].store.deleted_ids())

    def unknown_ids(self, provider: str) -> list[str]:
        """Return the first 1,000 IDs that were to be deleted and never existed, as received."""
        return list(self._accounts[provider].store.unknown_ids)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        listed = self._lists.get(path.partition("?")[0]) if request.method == "GET" else None
        if listed is not None:
            key = listed.dialect.key_of(request.headers)
            return response(listed.list(key, path.partition("?")[2], self._clock()))
        for prefix, account in self._by_prefix:
            if path.startswith(prefix):
                object_id = _decoded(path[len(prefix) :])
                if object_id is not None:
                    if request.method == "DELETE":
                        return await self._delete(account, object_id, request)
                    if request.method == "GET":
                        return response(
                            account.show(account.dialect.key_of(request.headers), object_id)
                        )
        if path.startswith("/_emulator/"):
            return response(self._own(request.method, path))
        return response(self._stray(request.method, path))

    async def _delete(
        self, account: Account, object_id: str, request: web.BaseRequest
    ) -> web.StreamResponse:
        key = account.dialect.key_of(request.headers)
        admission = account.admit(key, object_id, self._clock())
        try:
            if account.latency_s:
                await asyncio.sleep(account.latency_s)
            reply = admission.reply
            if reply is None:
                reply = account.carry_out(object_id, admission)
            fault = admission.fault
            if fault is None or fault not in _ON_THE_WIRE:
                return response(reply)
            return await misbehave(self.server, request, fault, reply)
        finally:
            account.leave(admission)

    def _own(self, method: str, path: str) -> Reply:
        """Answer for the emulator itself."""
        route, _, query = path.partition("?")
        if method == "GET" and route == "/_emulator/stats":
            return Reply(200, orjson.dumps(self.stats(), option=orjson.OPT_INDENT_2), JSON)
        if method == "GET" and route == "/_emulator/present":
            provider = parse_qs(query).get("provider", [""])[0]
            if provider in self._accounts:
                lines = "".join(f"{object_id}\n" for object_id in self.present(provider))
                return Reply(200, lines.encode(), {"Content-Type": "text/plain"})
        return self._stray(method, path)

    def _stray(self, method: str, path: str) -> Reply:
        """Answer a request to no known route."""
        self._stray_count += 1
        line = f"{method} {path}"
        if len(self.strays) < STRAYS_KEPT_MAX:
            self.strays.append(line)
        for account in self._accounts.values():
            dialect = account.dialect
            parent = dialect.other_parent(path)
            if parent is not None:
                words = dialect.wording(Problem.MISSING, dialect.parent_missing)
                return words.problem(Problem.MISSING, self._stray_count, id=parent)
        for account in self._accounts.values():
            dialect = account.dialect
            if path.startswith(dialect.root):
                known = path.startswith(dialect.prefix) and _decoded(path[len(dialect.prefix) :])
                problem = Problem.NO_METHOD if known else Problem.NO_ROUTE
                return dialect.problem(problem, self._stray_count, request=line)
        return Reply(404, b"404: Not Found", {"Content-Type": "text/plain"})


def _decoded(segment: str) -> str | None:
    """Return the ID that one path segment, as sent, names; None if it names no object.

    Servers resolve ``.`` and ``..``, even percent-encoded, to another path.
    """
    segment, _, _ = segment.partition("?")
    if "%" in segment:
        try:
            object_id = unquote(segment, errors="strict")
        except UnicodeDecodeError:
            return None
    else:
        object_id = segment
    return None if "/" in segment or object_id in ("", ".", "..") else object_id


def _loopback(host: str) -> str:
    """Return the address to bind.

    Raises:
        ConfigError: It isn't on loopback.
    """
    if host == "localhost":
        return "127.0.0.1"
    if not is_loopback(host):
        raise ConfigError(f"the emulator serves loopback only (127.0.0.1, ::1), not {host!r}")
    return host


@asynccontextmanager
async def serve(
    settings: EmulatorSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Emulator]:
    """Serve until the block ends. Runs on asyncio (or uvloop), as aiohttp does.

    Args:
        settings: What to serve.
        host: A loopback address.
        port: Its port; 0 takes a free one.
        clock: Seconds for limits and spans of faults; latency is really waited for.

    Raises:
        ConfigError: ``host`` isn't on loopback, or the port is taken.
    """
    address = _loopback(host)
    emulator = Emulator(settings, clock)
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(emulator.server, address, port, backlog=1024)
    except OSError as exc:
        raise ConfigError(f"cannot listen on {host} port {port}: {exc.strerror}") from exc
    try:
        taken = listener.sockets[0].getsockname()[1]
        emulator.url = (
            f"http://[{address}]:{taken}" if ":" in address else f"http://{address}:{taken}"
        )
        yield emulator
    finally:
        listener.close()
        await emulator.server.shutdown(_CLOSE_WAIT_S)
