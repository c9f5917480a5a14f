"""The provider modules read what the emulator writes.

The two were written apart from the same public documents, so each is the other's check.
"""

from __future__ import annotations

import aiohttp
import anyio
import pytest

from bulkdel.emulator import AccountSettings, EmulatorSettings, Fault, FaultRule, serve
from bulkdel.models import Answer, Meaning, Verdict
from tests.support.provider_answers import PROVIDERS

BODY_BYTES_MAX = 65_536

MEANINGS = {
    Fault.ERROR: Meaning.TRANSIENT,
    Fault.OVERLOADED: Meaning.REFUSED,
    Fault.NOT_IMPLEMENTED: Meaning.ENDPOINT,
    Fault.KEY_REFUSED: Meaning.KEY_REFUSED,
    Fault.FORBIDDEN: Meaning.KEY_REFUSED,
    Fault.UNPAID: Meaning.ACCOUNT,
    Fault.QUOTA: Meaning.ACCOUNT,
    Fault.REFUSED: Meaning.REFUSED,
    Fault.BUSY: Meaning.TRANSIENT,
    Fault.REJECTED: Meaning.FAILED,
    Fault.NO_ROUTE: Meaning.ENDPOINT,
    Fault.NO_METHOD: Meaning.ENDPOINT,
    Fault.REDIRECT: Meaning.ENDPOINT,
    Fault.PROXY_ERROR: Meaning.TRANSIENT,
    Fault.ERROR_AFTER: Meaning.TRANSIENT,
}
NEVER_DELETED = [
    Fault.NOT_DELETED,
    Fault.PROXY_PAGE,
    Fault.EMPTY,
    Fault.TRUNCATED,
    Fault.HUGE,
]


def verdict(provider: str, object_id: str, *faults: FaultRule) -> Verdict:
    """Delete one object of an account that holds ``resp_1``; return what the answer means."""
    delete = PROVIDERS[provider].resource().delete

    async def main() -> Verdict:
        account = AccountSettings(ids=["resp_1"], faults=faults)
        settings = EmulatorSettings(accounts={provider: account})
        async with serve(settings) as emulator, aiohttp.ClientSession() as session:
            url = delete.url(emulator.base_url(provider), object_id)
            headers = PROVIDERS[provider].headers("test-key")
            async with session.delete(url, headers=headers, allow_redirects=False) as answer:
                body = (await answer.read())[:BODY_BYTES_MAX]
                read = Answer(answer.status, body, answer.headers)
        return delete.judge(object_id, read)

    return anyio.run(main)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_deletion_is_deleted_and_a_missing_object_gone(provider: str) -> None:
    """Base URL, path, key and body fit together."""
    assert verdict(provider, "resp_1").meaning is Meaning.DELETED
    assert verdict(provider, "resp_9").meaning is Meaning.GONE


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", MEANINGS)
def test_every_fault_is_read_for_what_it_is(provider: str, fault: Fault) -> None:
    """Each of these decides whether an ID is sent again, given up, or the lane stops."""
    assert verdict(provider, "resp_1", FaultRule(fault=fault)).meaning is MEANINGS[fault]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", NEVER_DELETED)
def test_an_odd_200_is_never_deleted(provider: str, fault: Fault) -> None:
    """The status alone says nothing."""
    assert verdict(provider, "resp_1", FaultRule(fault=fault)).meaning is not Meaning.DELETED


@pytest.mark.parametrize("provider", ["ark", "openai", "litellm"])
def test_another_id_in_the_body_is_never_deleted(provider: str) -> None:
    """A confirmation of another object confirms nothing about this one."""
    rule = FaultRule(fault=Fault.OTHER_ID)

    assert verdict(provider, "resp_1", rule).meaning is not Meaning.DELETED
