"""The emulator over its loopback port: answers, limits, counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import aiohttp
import anyio
import pytest

from bulkdel.emulator import (
    AccountSettings,
    EmulatorSettings,
    Fault,
    FaultRule,
    FixedWindow,
    TokenBucket,
    make_ids,
    serve,
)
from bulkdel.errors import ConfigError
from tests.support.emulator_client import Client, emulated, run
from tests.support.provider_answers import PROVIDERS

CONFIRMED = {
    "ark": {"id": "resp_1", "object": "response", "deleted": True},
    "fireworks": {"message": "Response deleted successfully"},
    "openai": {"id": "resp_1", "object": "response", "deleted": True},
    "litellm": {"id": "resp_1", "object": "response", "deleted": True},
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_deletion_is_confirmed_in_the_documented_body(provider: str) -> None:
    """The engine counts nothing else as a deletion."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=["resp_1", "resp_2"])) as client:
            reply = await client.delete(provider, "resp_1")

            assert (reply.status, reply.json) == (200, CONFIRMED[provider])
            assert reply.headers["Content-Type"] == "application/json"
            assert client.emulator.present(provider) == ["resp_2"]
            assert client.emulator.deleted(provider) == ["resp_1"]

    run(test)


MISSING: dict[str, Callable[[Any], bool]] = {
    "ark": lambda body: (
        body["error"]["code"].startswith("NotFound")
        and "resp_9" in body["error"]["message"]
        and set(body["error"]) == {"code", "message", "param", "type"}
    ),
    "fireworks": lambda body: body == {"detail": "Response with id 'resp_9' not found"},
    "openai": lambda body: (
        body["error"]["message"] == "Response with id 'resp_9' not found."
        and body["error"]["code"] is None
    ),
    "litellm": lambda body: (
        body["error"]["message"].startswith("litellm.NotFoundError: OpenAIException - {")
        and "Response with id 'resp_9' not found." in body["error"]["message"]
        and body["error"]["code"] == "404"
    ),
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_missing_object_is_named_and_counted(provider: str) -> None:
    """Unknown and already deleted look alike to a client; the counts tell them apart."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=["resp_1"])) as client:
            unknown = await client.delete(provider, "resp_9")
            await client.delete(provider, "resp_1")
            again = await client.delete(provider, "resp_1")

            assert unknown.status == again.status == 404
            assert MISSING[provider](unknown.json)
            counts = client.counts(provider)
            assert (counts["unknown"], counts["deleted_twice"], counts["requests"]) == (1, 1, 3)
            assert client.emulator.unknown_ids(provider) == ["resp_9"]

    run(test)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer other"}, {"api-key": "test-key"}]
)
def test_any_other_key_is_refused_and_deletes_nothing(
    provider: str, headers: dict[str, str]
) -> None:
    """A wrong key is the commonest mistake of all, with a body of its own everywhere."""
    codes = {
        "ark": (401, "AuthenticationError"),
        "fireworks": (401, "UNAUTHORIZED"),
        "openai": (401, "invalid_api_key"),
        "litellm": (400, "400"),  # without a database
    }

    async def test() -> None:
        async with emulated(AccountSettings(ids=["resp_1"])) as client:
            reply = await client.delete(provider, "resp_1", headers)

            status, code = codes[provider] if "Authorization" in headers else (401, None)
            assert reply.status == status
            assert code is None or reply.json["error"]["code"] == code
            assert b"Bearer other" not in reply.body
            assert client.counts(provider)["keys_refused"] == 1
            assert client.counts(provider)["present"] == 1

    run(test)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v4/responses/resp_1", b""),
        ("/api/v3/resp_1", b""),
        ("/inference/responses/resp_1", b'{"detail":"Not Found"}'),
        ("/v1/respones/resp_1", b"Invalid URL (DELETE /v1/respones/resp_1)"),
        ("/responses/resp_1", b"404: Not Found"),
    ],
)
def test_a_mistyped_base_url_answers_404_as_the_provider_does(path: str, body: bytes) -> None:
    """These must never be taken for "already gone": that would report a million deletions."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=["resp_1"])) as client:
            reply = await client.send("DELETE", path)

            assert reply.status == 404
            assert body in reply.body
            assert (reply.body == b"") == (body == b"")
            assert client.emulator.strays == [f"DELETE {path}"]
            assert client.emulator.stats()["totals"]["requests"] == 0

    run(test)


@pytest.mark.parametrize(
    "object_id",
    [
        "a/b",
        "a+b=",
        "a?x=1",
        "a#f",
        "%2e%2e",
        "a%2Fb",
        "../files/f",
        "ä",
        "日本",
        "🙂",
        "a b",
        "...",
    ],
)
def test_an_id_of_any_kind_is_one_segment_and_arrives_exactly(object_id: str) -> None:
    """The server is the witness that a request named the one object and no other."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=[object_id])) as client:
            quoted = "".join(f"%{byte:02X}" for byte in object_id.encode())

            reply = await client.delete("ark", quoted)

            assert reply.json == {"id": object_id, "object": "response", "deleted": True}
            assert client.emulator.deleted("ark") == [object_id]
            assert client.emulator.strays == []

    run(test)


@pytest.mark.parametrize(
    "segment", ["", ".", "..", "%2e%2e", "%2E", "a/b", "../files/f", "%FF", "?id=a", "a/"]
)
def test_what_is_not_one_segment_is_a_stray(segment: str) -> None:
    """A real server would resolve these to the collection or to another object."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=["a", "b"])) as client:
            reply = await client.delete("ark", segment)

            assert (reply.status, reply.body) == (404, b"")
            assert client.emulator.strays == [f"DELETE /api/v3/responses/{segment}"]
            assert client.counts()["present"] == 2
            assert client.counts()["unknown"] == 0

    run(test)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_another_method_is_refused_and_a_get_shows_the_object(provider: str) -> None:
    """A GET is how a deletion can be verified; it must not count as one."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=["resp_1"])) as client:
            base = client.emulator.base_url(provider).removeprefix(client.emulator.url)

            post = await client.send("POST", f"{base}/responses/resp_1")
            there = await client.send("GET", f"{base}/responses/resp_1")
            no_key = await client.send("GET", f"{base}/responses/resp_1", {})
            await client.delete(provider, "resp_1")
            gone = await client.send("GET", f"{base}/responses/resp_1")

            assert [r.status for r in (post, there, no_key, gone)] == [405, 200, 401, 404]
            assert there.json["id"] == "resp_1"
            assert client.counts(provider)["reads"] == 3
            assert client.counts(provider)["requests"] == 1

    run(test)


# Limits


def test_a_limit_refuses_and_keeps_the_object() -> None:
    """And a new second lets in again: the clock is the one that was given."""
    now_s = 100.0

    async def test() -> None:
        nonlocal now_s
        ids = make_ids("ark", 5)
        account = AccountSettings(ids=ids, limit=TokenBucket(2, 2))
        async with emulated(account, lambda: now_s) as client:
            statuses = [(await client.delete("ark", i)).status for i in ids[:4]]
            now_s += 0.5
            statuses.append((await client.delete("ark", ids[4])).status)

            assert statuses == [200, 200, 429, 429, 200]
            assert client.counts()["refusals"] == 2
            assert client.emulator.present("ark") == ids[2:4]

    run(test)


@pytest.mark.parametrize(
    ("form", "header", "value"),
    [
        (None, None, None),
        ("seconds", "Retry-After", r"60"),
        ("ms", "retry-after-ms", r"60000"),
        ("date", "Retry-After", r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"),
    ],
)
def test_a_refusal_says_when_to_come_back_in_the_chosen_form(
    form: Any, header: str | None, value: str | None
) -> None:
    """Clients meet all three forms, and none."""

    async def test() -> None:
        account = AccountSettings(limit=FixedWindow(1, 60), retry_after=form)
        async with emulated(account) as client:
            await client.delete("openai", "a")
            reply = await client.delete("openai", "a")

            names = {name for name in reply.headers if name.lower().startswith("retry-after")}
            assert reply.status == 429
            assert names == ({header} if header else set())
            if header and value:
                assert re.fullmatch(value, reply.headers[header])

    run(test)


def test_a_limit_in_flight_refuses_the_one_too_many() -> None:
    """Some providers limit what runs at once instead of a rate."""

    async def test() -> None:
        rule = FaultRule(fault=Fault.HANG_AFTER, first=1, last=2)
        async with (
            emulated(AccountSettings(ids=["c"], in_flight_max=2, faults=[rule])) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.delete, "ark", "a")
            tasks.start_soon(client.delete, "ark", "b")
            await client.until_in_flight(2)
            refused = await client.delete("ark", "c")
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await client.until_in_flight(0)
                let_in = await client.delete("ark", "c")

            assert refused.json["error"]["code"] == "InflightBatchsizeExceeded"
            assert let_in.status == 200
            assert client.counts()["in_flight_max"] == 3

    run(test)


def test_settings_can_be_used_again() -> None:
    """A limit keeps its state; that of one emulator must not reach the next."""

    async def test() -> None:
        account = AccountSettings(ids=["a"], limit=FixedWindow(1, 60))
        for _ in range(2):
            async with emulated(account) as client:
                assert (await client.delete("ark", "a")).status == 200

    run(test)


# The emulator itself


def test_the_counts_are_served_and_add_up() -> None:
    """Another process asks over HTTP: the demo, a kill test, a person."""

    async def test() -> None:
        async with emulated(AccountSettings(ids=["a", "b", "ü"])) as client:
            await client.delete("ark", "a")
            await client.delete("openai", "a")
            await client.delete("openai", "b")

            stats = (await client.send("GET", "/_emulator/stats", {})).json
            present = await client.send("GET", "/_emulator/present?provider=openai", {})
            nobody = await client.send("GET", "/_emulator/present?provider=nobody", {})

            assert stats["totals"]["deleted"] == 3
            assert stats["totals"]["present"] == 3 * len(stats["providers"]) - 3
            assert stats["providers"]["openai"]["present"] == 1
            for key, n in stats["totals"].items():
                each = [counts[key] for counts in stats["providers"].values()]
                assert n == (max(each) if key == "in_flight_max" else sum(each))
            assert present.body.decode() == "ü\n"
            assert nobody.status == 404

    run(test)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_only_loopback_is_served(host: str) -> None:
    """Keys travel in the clear here."""

    async def test() -> None:
        with pytest.raises(ConfigError, match="loopback"):
            async with serve(EmulatorSettings(), host=host):
                pass

    run(test)


def test_a_taken_port_is_a_clear_error() -> None:
    """Two emulators on one fixed port is a common slip."""

    async def test() -> None:
        async with serve(EmulatorSettings(), host="localhost") as emulator:
            port = int(emulator.url.rpartition(":")[2])
            with pytest.raises(ConfigError, match=f"port {port}"):
                async with serve(EmulatorSettings(), port=port):
                    pass

    run(test)


def test_an_unknown_provider_in_the_settings_is_refused() -> None:
    """Else its IDs would silently not be there."""
    with pytest.raises(ConfigError, match="nobody"):
        EmulatorSettings(accounts={"nobody": AccountSettings()})


@pytest.mark.parametrize(
    "account",
    [
        AccountSettings(ids=["a"], faults=[FaultRule(fault=Fault.HANG)]),
        AccountSettings(ids=["a"], faults=[FaultRule(fault=Fault.ENDLESS)]),
        AccountSettings(ids=["a"], latency_s=3600),
    ],
    ids=["hung", "endless", "slow"],
)
def test_closing_does_not_wait_for_what_is_in_flight(account: AccountSettings) -> None:
    """A run that ends with hung or slow answers must end all the same."""

    async def test() -> None:
        async def expect_no_answer() -> None:
            with pytest.raises(aiohttp.ClientError):
                await client.delete("ark", "a")

        with anyio.fail_after(2):
            async with (
                aiohttp.ClientSession() as session,
                anyio.create_task_group() as tasks,
                serve(EmulatorSettings(accounts={"ark": account})) as emulator,
            ):
                client = Client(emulator, session)
                tasks.start_soon(expect_no_answer)
                await client.until_in_flight(1)

    run(test)
