"""The emulator's faults, as a client meets them."""

from __future__ import annotations

import aiohttp
import anyio
import pytest

from bulkdel.emulator import (
    AccountSettings,
    Fault,
    FaultRule,
    make_ids,
)
from tests.support.emulator_client import KEY, emulated, run
from tests.support.provider_answers import PROVIDERS

ANSWERED = [
    # fault, (status, piece of the body) at Ark, Fireworks, OpenAI and LiteLLM
    (
        Fault.ERROR,
        (500, "InternalServiceError"),
        (500, "INTERNAL"),
        (500, "server_error"),
        (500, "litellm.InternalServerError"),
    ),
    (
        Fault.OVERLOADED,
        (503, "Overloaded"),
        (503, "Service Overloaded"),
        (503, "is_overloaded"),
        (503, "overloaded"),
    ),
    (Fault.NOT_IMPLEMENTED, (501, ""), (501, ""), (501, ""), (501, "")),
    (
        Fault.KEY_REFUSED,
        (401, "AuthenticationError"),
        (401, "UNAUTH"),
        (401, "invalid_api_key"),
        (400, "No connected db"),
    ),
    (
        Fault.FORBIDDEN,
        (403, "AccessDenied"),
        (403, "FORBIDDEN"),
        (403, "Missing scopes"),
        (403, "Missing scopes"),
    ),
    (
        Fault.UNPAID,
        (403, "AccountOverdueError"),
        (402, "PAYMENT"),
        (429, "credit_balance"),
        (429, "insufficient_quota"),
    ),
    (
        Fault.QUOTA,
        (429, "QuotaExceeded"),
        (412, "suspended"),
        (429, "insufficient_quota"),
        (429, "budget_exceeded"),
    ),
    (
        Fault.REFUSED,
        (429, "RateLimit"),
        (429, "Too Many"),
        (429, "rate_limit_exceeded"),
        (429, "rate_limit_exceeded"),
    ),
    (
        Fault.BUSY,
        (403, "OperationDenied.InvalidState"),
        (409, "CONFLICT"),
        (409, "progress"),
        (409, "progress"),
    ),
    (
        Fault.REJECTED,
        (400, "InvalidParameter"),
        (422, '"loc"'),
        (400, "invalid_value"),
        (400, "BadRequestError"),
    ),
    (Fault.NO_ROUTE, (404, ""), (404, "Not Found"), (404, "Invalid URL"), (404, "Not Found")),
    (
        Fault.NO_METHOD,
        (405, ""),
        (405, "Method Not Allowed"),
        (405, "HTTP method"),
        (405, "Method Not Allowed"),
    ),
    (
        Fault.NOT_DELETED,
        (200, '"deleted":false'),
        (200, "could not"),
        (200, '"deleted":false'),
        (200, '"deleted":false'),
    ),
    (Fault.PROXY_ERROR, (502, "<html>"), (502, "<html>"), (502, "<html>"), (502, "<html>")),
    (Fault.PROXY_PAGE, (200, "<html>"), (200, "<html>"), (200, "<html>"), (200, "<html>")),
    (Fault.REDIRECT, (307, ""), (307, ""), (307, ""), (307, "")),
    (
        Fault.ERROR_AFTER,
        (500, "InternalServiceError"),
        (500, "INTERNAL"),
        (500, "server_error"),
        (500, "litellm.InternalServerError"),
    ),
    (Fault.EMPTY, (200, ""), (200, ""), (200, ""), (200, "")),
    (
        Fault.TRUNCATED,
        (200, '{"id":"res'),
        (200, '{"message":'),
        (200, '{"id":"res'),
        (200, '{"id":"res'),
    ),
    (
        Fault.OTHER_ID,
        (200, "resp_of_somebody"),
        (200, "successfully"),
        (200, "resp_of_somebody"),
        (200, "resp_of_somebody"),
    ),
    (
        Fault.HUGE,
        (200, '"deleted":true,"padding":"xxx'),
        (200, "xxxx"),
        (200, "xxxx"),
        (200, "xxxx"),
    ),
]
NOT_ANSWERED = {
    Fault.DROP: aiohttp.ServerDisconnectedError,
    Fault.DROP_AFTER: aiohttp.ServerDisconnectedError,
    Fault.CUT_AFTER: aiohttp.ClientPayloadError,
}


@pytest.mark.parametrize(("fault", "ark", "fireworks", "openai", "litellm"), ANSWERED)
def test_a_fault_is_answered_in_the_providers_own_words(
    fault: Fault,
    ark: tuple[int, str],
    fireworks: tuple[int, str],
    openai: tuple[int, str],
    litellm: tuple[int, str],
) -> None:
    """And the object is deleted or kept as the fault says."""

    async def test() -> None:
        account = AccountSettings(ids=["resp_1"], faults=[FaultRule(fault=fault)])
        async with emulated(account) as client:
            answers = (ark, fireworks, openai, litellm)
            for provider, (status, piece) in zip(PROVIDERS, answers, strict=True):
                reply = await client.delete(provider, "resp_1")

                assert reply.status == status
                assert piece in reply.body.decode()
                assert client.counts(provider)["deleted"] == int(fault.acts)
                assert client.counts(provider)["by_fault"] == {fault.value: 1}

    run(test)


@pytest.mark.parametrize("fault", NOT_ANSWERED)
def test_a_connection_breaks_before_or_after_the_deletion(fault: Fault) -> None:
    """The client cannot know which; the emulator can, and so judges the client's log."""

    async def test() -> None:
        rule = FaultRule(fault=fault, last=1)
        async with emulated(AccountSettings(ids=["a"], faults=[rule])) as client:
            with pytest.raises(NOT_ANSWERED[fault]):
                await client.delete("ark", "a")
            again = await client.delete("ark", "a")

            assert client.counts()["deleted_twice"] == int(fault.acts)
            assert again.status == (404 if fault.acts else 200)

    run(test)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_AFTER])
def test_a_hung_answer_lasts_until_the_client_goes(fault: Fault) -> None:
    """A hung request that is given up must not stay in flight at the server for ever."""

    async def test() -> None:
        async with (
            emulated(AccountSettings(ids=["a"], faults=[FaultRule(fault=fault)])) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.delete, "ark", "a")
            await client.until_in_flight(1)
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await client.until_in_flight(0)

            assert client.counts()["deleted"] == int(fault.acts)

    run(test)


def test_an_endless_body_goes_on_until_the_client_goes() -> None:
    """A client that reads without a limit would never come back, and fill its memory."""

    async def test() -> None:
        rule = FaultRule(fault=Fault.ENDLESS)
        async with emulated(AccountSettings(ids=["a"], faults=[rule])) as client:
            url = client.emulator.base_url("ark") + "/responses/a"
            async with client.session.delete(url, headers=KEY) as answer:
                begin = await answer.content.readexactly(1_000_000)
                answer.close()
            await client.until_in_flight(0)

            assert begin.startswith(b'{"id":"a","object":"response","deleted":true ')
            assert client.counts()["deleted"] == 1

    run(test)


def test_a_huge_body_is_valid_json_of_10_mb() -> None:
    """Only its length is wrong: a reader must stop on length alone."""

    async def test() -> None:
        rule = FaultRule(fault=Fault.HUGE)
        async with emulated(AccountSettings(ids=["a"], faults=[rule])) as client:
            reply = await client.delete("ark", "a")

            assert len(reply.body) == 10_000_000
            assert reply.json["deleted"] is True

    run(test)


def test_a_redirect_that_is_followed_is_seen() -> None:
    """A client that follows takes its key along to wherever it is sent."""

    async def test() -> None:
        rule = FaultRule(fault=Fault.REDIRECT)
        async with emulated(AccountSettings(ids=["a/b"], faults=[rule])) as client:
            await client.send("DELETE", "/api/v3/responses/a%2Fb", follow=False)
            assert client.emulator.strays == []

            await client.send("DELETE", "/api/v3/responses/a%2Fb", follow=True)
            assert client.emulator.strays == ["DELETE /_emulator/redirected/api/v3/responses/a%2Fb"]

    run(test)


def test_faults_come_and_go_with_the_clock_and_the_count() -> None:
    """An outage, a stray 401 and a withdrawn key are rows of one table."""
    now_s = 1000.0

    async def test() -> None:
        nonlocal now_s
        faults = [
            FaultRule(fault=Fault.KEY_REFUSED, first=2, last=2),
            FaultRule(fault=Fault.OVERLOADED, from_s=10, until_s=20),
            FaultRule(fault=Fault.UNPAID, first=6),
        ]
        statuses = []
        account = AccountSettings(ids=list("abcdefg"), faults=faults)
        async with emulated(account, lambda: now_s) as client:
            for object_id, after_s in zip("abcdefg", (0, 0, 0, 10, 10, 0, 0), strict=True):
                now_s += after_s
                statuses.append((await client.delete("ark", object_id)).status)

        assert statuses == [200, 401, 200, 503, 200, 403, 403]

    run(test)


def test_two_runs_of_one_seed_meet_the_same_faults() -> None:
    """A run that failed can be repeated."""

    async def test() -> None:
        ids = make_ids("ark", 60)
        account = AccountSettings(ids=ids, faults=[FaultRule(fault=Fault.ERROR, share=0.3)])
        left = []
        for _ in range(2):
            async with emulated(account) as client:
                for object_id in ids:
                    await client.delete("ark", object_id)
                left.append(client.emulator.present("ark"))

        assert 5 < len(left[0]) < 35
        assert left[0] == left[1]

    run(test)
