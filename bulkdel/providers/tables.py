"""What a refusal, an error or a page means: rows of status, code and words.

Status, code and words decide together, because the same thing has another status at
every provider: a bad key is 401 at most, 400 at xAI and Gemini; an unpaid account is
402, 403, 412 or 429. The first row that fits wins.

Patterns are searched here, unlike in `words`: nothing in these tables ends an ID for good as
done, and how a provider or a gateway words a refusal is not known in full. The answers that
they were made from are in ``tests/providers/real_answers.toml``, each with its source.

Not here: in which order tables are asked (`rules`), the rows of one provider (its own module).
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from bulkdel.models import LimitKind, Meaning
from bulkdel.providers.bodies import Saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a table: it fits if all of its conditions do.

    Attributes:
        meaning: What the answer means then.
        statuses: HTTP statuses.
        code: A pattern that the whole of a code, or of a type, must match.
        text: A pattern that must occur in a code, a type or the words.
        page: The body must be no JSON, so that it is not the API that speaks.
        limit: For `Meaning.REFUSED`: which limit it is.
    """

    meaning: Meaning
    statuses: Container[int] = range(400, 600)
    code: re.Pattern[str] | None = None
    text: re.Pattern[str] | None = None
    page: bool = False
    limit: LimitKind = LimitKind.UNKNOWN

    def fits(self, status: int, saying: Saying) -> bool:
        """Say whether an answer with ``status`` that says this is of this row."""
        if status not in self.statuses or (self.page and not saying.is_page):
            return False
        if self.code and not any(map(self.code.fullmatch, saying.codes)):
            return False
        return not self.text or any(map(self.text.search, (*saying.codes, saying.words)))


def anycase(pattern: str) -> re.Pattern[str]:
    """Return a pattern for a row's ``text``: the case of letters does not count."""
    return re.compile(pattern, re.IGNORECASE)


COMMON_RULES: Final[Sequence[Rule]] = (
    Rule(meaning=Meaning.KEY_REFUSED, statuses={401}),
    # xAI: 400 "Incorrect API key provided"; Gemini: 400 with reason API_KEY_INVALID.
    Rule(
        meaning=Meaning.KEY_REFUSED,
        statuses={400, 403, 422},
        text=anycase(
            r"\b(?:incorrect|invalid) api ?key\b|\bapi key not valid\b|\bAPI_KEY_INVALID\b"
        ),
    ),
    # Sent to the TLS port without TLS: nginx's words, then Go's.
    Rule(
        meaning=Meaning.ENDPOINT,
        statuses={400},
        text=anycase(r"\bHTTP request (?:was sent )?to (?:an )?HTTPS (?:port|server)\b"),
        page=True,
    ),
    Rule(meaning=Meaning.ACCOUNT, statuses={402}),
    # A limit on the rate that comes with another status than 429: Google's older APIs (403
    # rateLimitExceeded), Apigee (500, its default), Amazon S3 (503 SlowDown).
    Rule(
        meaning=Meaning.REFUSED,
        statuses={403, 500, 503},
        text=anycase(
            r"rate[ _-]?limit|spike ?arrest|too many requests|throttl(?:ed|ing)|\bslow ?down\b"
        ),
        limit=LimitKind.RATE,
    ),
    # xAI: 403 "used all available credits"; Tyk: 403 "Quota exceeded".
    Rule(
        meaning=Meaning.ACCOUNT,
        statuses={403},
        text=anycase(r"\b(?:credits?|billing|payment|overdue|suspended)\b|quota"),
    ),
    # API Gateway at Amazon says so of any path that it does not know.
    Rule(meaning=Meaning.ENDPOINT, statuses={403}, text=re.compile("Missing Authentication Token")),
    # A firewall, a bot check or an access list on the way: the API itself answers in JSON, and
    # "check the key" would send people looking in the wrong place.
    Rule(meaning=Meaning.ENDPOINT, statuses={403}, page=True),
    # Not a question of this one ID: the lane asks once more before it stops.
    Rule(meaning=Meaning.KEY_REFUSED, statuses={403}),
    # 407 and 511 come from a proxy or a portal on the way, 421 from the wrong host. 501 is
    # Gemini's answer to a delete it lacks (https://github.com/googleapis/python-genai/issues/2803).
    # The others are about how we ask, which is the same for every ID.
    Rule(
        meaning=Meaning.ENDPOINT,
        statuses={405, 406, 407, 411, 415, 421, 426, 501, 505, 511},
    ),
    # OpenAI's words for "no more money", also the older one (type or code).
    Rule(meaning=Meaning.ACCOUNT, statuses={429}, code=anycase("insufficient_quota")),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=anycase("concurren"),
        limit=LimitKind.CONCURRENCY,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429, 503},
        text=anycase("overload"),
        limit=LimitKind.OVERLOAD,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=anycase(r"rate[ _-]?limit|\brpm\b|requests per"),
        limit=LimitKind.RATE,
    ),
    Rule(meaning=Meaning.REFUSED, statuses={429}),
    Rule(meaning=Meaning.TRANSIENT, statuses={408, 409, 425}),
    Rule(meaning=Meaning.FAILED, statuses=range(400, 500)),
)
