"""What real servers and gateways answer, each read for what a careful person would call it.

The answers stand in ``real_answers.toml``, with their sources.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkdel.models import LimitKind, Meaning
from tests.support.provider_answers import ID, PROVIDERS, judge

FINAL = (Meaning.DELETED, Meaning.GONE)
SERVERS = [
    *("ogx", "LiteLLM", "Azure", "FastAPI", "Starlette", "nginx", "Envoy", "Cloudflare", "AWS ALB"),
    *("Kong", "Google", "AWS API Gateway", "Apigee", "Traefik", "HAProxy", "Caddy", "Akamai"),
    *("Fastly", "Tyk", "Varnish", "APISIX", "Express", "OpenAI", "vLLM"),
]


@dataclass(frozen=True, kw_only=True)
class RealAnswer:
    """One answer; the fields are explained at the head of the table."""

    server: str
    source: str
    status: int
    body: str
    means: str
    headers: dict[str, str] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)
    limit: str = "unknown"
    wait_s: float | None = None
    says: str = ""

    @property
    def sent(self) -> bytes:
        """The body as it is sent."""
        return self.body.replace("{id}", ID).encode()


TABLE = Path(__file__).with_name("real_answers.toml")
REAL = [RealAnswer(**each) for each in tomllib.loads(TABLE.read_text("utf-8"))["answer"]]
real = pytest.mark.parametrize("answer", REAL, ids=lambda each: f"{each.status} {each.server}")


def test_the_table_is_whole() -> None:
    """Each has a source, providers that exist, and the servers that matter are there."""
    for answer in REAL:
        assert answer.source, answer.server
        assert set(answer.at) <= set(PROVIDERS), answer.server
    missing = [name for name in SERVERS if not any(name in each.server for each in REAL)]
    assert not missing


@real
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_real_answer_is_read_for_what_it_is(provider: str, answer: RealAnswer) -> None:
    """It decides whether an ID is sent again, given up, or the lane stops; and what users read."""
    verdict = judge(provider, answer.status, answer.sent, answer.headers)

    meaning = Meaning(answer.at.get(provider, answer.means))
    assert verdict.meaning is meaning
    if meaning is Meaning.REFUSED:
        assert verdict.limit is LimitKind(answer.limit)
    if meaning in (Meaning.REFUSED, Meaning.TRANSIENT):
        assert verdict.retry_after_s == answer.wait_s
    assert answer.says in (verdict.message or "")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_real_answer_never_ends_an_id_at_another_status(provider: str) -> None:
    """A gateway may send its page with any status; "gone" and "deleted" are the provider's."""
    believed = [
        f"{status} {answer.server}"
        for answer in REAL
        for status in (200, 202, 204, 400, 401, 403, 404, 410, 422, 429, 500, 503)
        if judge(provider, status, answer.sent, answer.headers).meaning in FINAL
        and not (answer.at.get(provider) == "gone" and status == answer.status)
    ]

    assert not believed
