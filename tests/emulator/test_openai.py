"""The official `openai` client against the emulator: it must not notice the difference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import openai
import pytest

from bulkdel.emulator import (
    AccountSettings,
    EmulatorSettings,
    Fault,
    FaultRule,
    FixedWindow,
    serve,
)
from tests.support.provider_answers import PROVIDERS

ACCOUNT = AccountSettings(ids=["resp_1", "resp_2"])


def with_client(
    provider: str,
    account: AccountSettings,
    test: Callable[[openai.AsyncOpenAI], Awaitable[None]],
    key: str = "test-key",
) -> None:
    """Run a test with a client of one emulated provider."""

    async def main() -> None:
        settings = EmulatorSettings(accounts={provider: account})
        async with (
            serve(settings) as emulator,
            openai.AsyncOpenAI(
                api_key=key, base_url=emulator.base_url(provider), max_retries=0
            ) as client,
        ):
            await test(client)

    anyio.run(main)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_official_client_deletes_and_reads(provider: str) -> None:
    """Its paths, headers and connection habits are the real ones."""

    async def test(client: openai.AsyncOpenAI) -> None:
        there = await client.responses.retrieve("resp_1")
        await client.responses.delete("resp_1")

        assert there.id == "resp_1"
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve("resp_1")
        with pytest.raises(openai.NotFoundError):
            await client.responses.delete("resp_1")

    with_client(provider, ACCOUNT, test)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_wrong_key_is_an_authentication_error(provider: str) -> None:
    """And its text does not repeat the key."""

    async def test(client: openai.AsyncOpenAI) -> None:
        refused = openai.BadRequestError if provider == "litellm" else openai.AuthenticationError
        with pytest.raises(refused) as error:
            await client.responses.delete("resp_1")

        assert "sk-wrong-0123456789-key" not in str(error.value)

    with_client(provider, ACCOUNT, test, key="sk-wrong-0123456789-key")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refusal_is_a_rate_limit_error_with_its_retry_after(provider: str) -> None:
    """What the client's own retries read must be there."""
    account = AccountSettings(ids=["resp_1"], limit=FixedWindow(1, 3600), retry_after="seconds")

    async def test(client: openai.AsyncOpenAI) -> None:
        await client.responses.delete("resp_1")
        with pytest.raises(openai.RateLimitError) as error:
            await client.responses.delete("resp_2")

        assert 1 <= int(error.value.response.headers["retry-after"]) <= 3600

    with_client(provider, account, test)


@pytest.mark.parametrize(
    ("provider", "fault", "error", "code"),
    [
        ("openai", Fault.ERROR, openai.InternalServerError, None),
        ("openai", Fault.UNPAID, openai.RateLimitError, "credit_balance_exhausted"),
        ("openai", Fault.DROP, openai.APIConnectionError, None),
        ("openai", Fault.NO_ROUTE, openai.NotFoundError, None),
        ("ark", Fault.UNPAID, openai.PermissionDeniedError, "AccountOverdueError"),
        ("ark", Fault.NO_ROUTE, openai.NotFoundError, None),
        ("fireworks", Fault.QUOTA, openai.APIStatusError, "PRECONDITION_FAILED"),
        ("fireworks", Fault.REJECTED, openai.UnprocessableEntityError, None),
    ],
)
def test_a_fault_is_the_error_that_the_client_has_for_it(
    provider: str, fault: Fault, error: type[openai.APIError], code: str | None
) -> None:
    """The error's class and code come from status and body as the provider sends them."""
    account = AccountSettings(ids=["resp_1"], faults=[FaultRule(fault=fault)])

    async def test(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(error) as raised:
            await client.responses.delete("resp_1")

        assert raised.value.code == code

    with_client(provider, account, test)


def test_the_official_client_takes_deleted_false_for_success() -> None:
    """Why bulkdel reads the body itself. When this fails, the client has become better."""
    account = AccountSettings(ids=["resp_1"], faults=[FaultRule(fault=Fault.NOT_DELETED)])

    async def test(client: openai.AsyncOpenAI) -> None:
        await client.responses.delete("resp_1")

        assert (await client.responses.retrieve("resp_1")).id == "resp_1"

    with_client("ark", account, test)
