"""The values that travel between the stages. All of them are plain data.

    Block     sources   -> engine    some hundred to some thousand IDs
    Answer    transport -> provider  what came back for one request
    Verdict   provider  -> lane      what that answer means
    Result    lane      -> log       one line
    Summary   run       -> caller    the counts, which add up

Not here: anything that acts, waits or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from bulkdel.secret import Secret


class Outcome(StrEnum):
    """The word that ends an ID's way; the ``outcome`` of its log line."""

    DELETED = "deleted"
    """The provider confirmed the deletion, by its documented body."""
    GONE = "gone"
    """The provider names the object as not existing."""
    FAILED = "failed"
    """Given up; ``retryable`` says whether a later run tries it by itself."""
    INVALID = "invalid"
    """Never sent: it cannot be an ID."""


class Meaning(StrEnum):
    """What one answer means, and so what happens next."""

    DELETED = "deleted"
    GONE = "gone"
    REFUSED = "refused"
    """Slow down (429 or its like): the pace gives way, the ID is sent again."""
    TRANSIENT = "transient"
    """The same request may succeed later: a server error, a timeout, a busy object."""
    FAILED = "failed"
    """This ID cannot be deleted by sending the same again."""
    KEY_REFUSED = "key_refused"
    """The key is wrong or lacks the right: every other ID would fail the same way."""
    ACCOUNT = "account"
    """The account is unpaid, suspended or has used up a quota: likewise."""
    ENDPOINT = "endpoint"
    """This is not the delete endpoint: wrong URL, a redirect, no such method."""
    PRESENT = "present"
    """The object is there. Only an answer to a GET says so."""

    @property
    def is_fatal(self) -> bool:
        """Whether every further ID of the lane would meet the same."""
        return self in _STOPPING


_STOPPING = frozenset({Meaning.KEY_REFUSED, Meaning.ACCOUNT, Meaning.ENDPOINT})


class LimitKind(StrEnum):
    """Which limit a refusal names, where the provider tells."""

    RATE = "rate"
    BURST = "burst"
    CONCURRENCY = "concurrency"
    OVERLOAD = "overload"
    UNKNOWN = "unknown"


class Answer(NamedTuple):
    """What came back for one request. A tuple, since one is made for every ID.

    Attributes:
        status: HTTP status.
        body: The body, cut at 64 KiB.
        headers: Header fields. Looked up in lower case; the transport's mapping
            ignores case.
        received_s: Wall clock when it arrived, in seconds since 1970; for HTTP dates.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    received_s: float = 0.0

    def without(self, secret: Secret) -> Answer:
        """Return it with every part of a key hidden: some servers quote the request.

        Called before anything of it is read for people, since a part that was cut off is none
        that could be found. Itself, if there is none.
        """
        text = self.body.decode("latin-1")
        body = secret.hide(text)
        fields = "\n".join(self.headers.values())
        if body is text and secret.hide(fields) is fields:
            return self
        headers = {name.lower(): secret.hide(value) for name, value in self.headers.items()}
        return self._replace(body=body.encode("latin-1"), headers=headers)


RETRY_AFTER_MAX_S: Final = 300.0
"""Longest Retry-After that is simply waited for, in seconds: by an ID, and by a pace. Above it
the lane stops, unless the user wants to wait. Azure has asked for 86,400 s ("Please retry after
86400 seconds"), and openai-python gives up above 120 s."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a provider module says an answer means.

    Attributes:
        meaning: What happens next.
        code: The provider's own error code, where it gives one.
        message: The provider's own words, at most 500 characters.
        limit: For `Meaning.REFUSED`: which limit, where the provider tells.
        retry_after_s: Seconds the provider asked us to wait, or None.
        request_id: The provider's ID of the request, for its support.
        unread: For `Meaning.ENDPOINT`: a 404 or 410 in words that nobody knows. It may mean
            "gone" just as well, and a comparison may tell.
        evidence: For `Meaning.GONE`: "compared" if the words are known by a comparison alone.
    """

    meaning: Meaning
    code: str | None = None
    message: str | None = None
    limit: LimitKind = LimitKind.UNKNOWN
    retry_after_s: float | None = None
    request_id: str | None = None
    unread: bool = False
    evidence: str | None = None

    def in_words_of(self, other: Verdict) -> Verdict:
        """Return it with the code, message and request ID of another one."""
        return replace(self, code=other.code, message=other.message, request_id=other.request_id)


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row of a source that holds no ID that could be sent.

    Attributes:
        text: The row or the ID, cut at 200 characters; it stands as ``id`` in the log.
        source: Name of the source.
        line: Line in the source, from 1.
        reason: Why it cannot be an ID.
    """

    text: str
    source: str
    line: int
    reason: str


@dataclass(slots=True)
class Block:
    """IDs of one lane, in the order of the source.

    Attributes:
        lane: Name of the lane.
        ids: IDs that may be sent: of the lane's form (`object_id.IdForm`).
        invalid: Rows that may not.
        stripped: IDs read around which white space or a byte order mark was taken off.
        kept: IDs that were read beside these and are left where they are (`engine.aging`).
        kept_unknown: Of those: whose age is not known.
    """

    lane: str
    ids: list[str]
    invalid: list[InvalidRow] = field(default_factory=list)
    stripped: int = 0
    kept: int = 0
    kept_unknown: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The end of one ID's way: one line of the result log.

    Attributes:
        object_id: The ID (``id`` in the log).
        lane: Name of the lane.
        outcome: Its word.
        status: HTTP status of the last answer, or None if none came.
        attempts: Requests sent for it in this run.
        at_s: Wall clock of the last answer, in seconds since 1970.
        ms: Milliseconds from the last request to its answer.
        retryable: For `Outcome.FAILED`: a later run tries it by itself.
        after_unknown: An earlier request of ours got no answer, or none that says whether it was
            carried out: what is gone may have been our own deletion, and what failed may be gone.
        doubted: For `Outcome.GONE`: nothing was ever deleted in this log, so it may be the wrong
            account; a later run asks again.
        evidence: For `Outcome.GONE`: "compared" if the provider's words for it are documented
            nowhere and were told by a comparison; see `engine.comparison`.
        code: The provider's error code.
        error: The provider's or our own words.
        request_id: The provider's ID of the last request.
        source: For `Outcome.INVALID`: name of the source.
        line: For `Outcome.INVALID`: line in the source.
    """

    object_id: str
    lane: str
    outcome: Outcome
    status: int | None = None
    attempts: int = 0
    at_s: float = 0.0
    ms: float = 0.0
    retryable: bool = False
    after_unknown: bool = False
    doubted: bool = False
    evidence: str | None = None
    code: str | None = None
    error: str | None = None
    request_id: str | None = None
    source: str | None = None
    line: int | None = None


@dataclass(slots=True)
class Counts:
    """What has happened to the IDs of one lane, or of a run. It adds up.

    ``read = duplicates + skipped + kept + deleted + gone + failed + invalid + pending``

    Attributes:
        read: IDs and rows read from the sources.
        duplicates: IDs that had been read before in this run.
        skipped: IDs that this log says are done already.
        skipped_failed: Of those, IDs that had failed for good or were invalid.
        deleted: Deletions confirmed in this run.
        gone: IDs that the provider named as not existing.
        failed: IDs given up.
        invalid: Rows that hold no ID.
        requests: Requests sent.
        refused: Requests refused.
        after_unknown: Of those gone: IDs for which an earlier request of ours got no
            answer, so that it may have been our own deletion.
        doubted: Of those gone: IDs that a later run asks for again, since nothing was ever
            deleted in this log.
        stripped: Of those read: IDs around which white space or a byte order mark was taken off.
        kept: IDs that are left where they are: younger than is asked for, or of unknown age.
        kept_unknown: Of those: IDs of unknown age.
    """

    read: int = 0
    duplicates: int = 0
    skipped: int = 0
    skipped_failed: int = 0
    deleted: int = 0
    gone: int = 0
    failed: int = 0
    invalid: int = 0
    requests: int = 0
    refused: int = 0
    after_unknown: int = 0
    doubted: int = 0
    stripped: int = 0
    kept: int = 0
    kept_unknown: int = 0

    @property
    def ended(self) -> int:
        """IDs with a result in this run."""
        return self.deleted + self.gone + self.failed + self.invalid

    @property
    def pending(self) -> int:
        """IDs that were read and are still to do."""
        return self.read - self.duplicates - self.skipped - self.kept - self.ended

    def add(self, outcome: Outcome) -> None:
        """Count one result."""
        if outcome is Outcome.DELETED:
            self.deleted += 1
        elif outcome is Outcome.GONE:
            self.gone += 1
        elif outcome is Outcome.FAILED:
            self.failed += 1
        else:
            self.invalid += 1

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COUNT_FIELDS))

    def as_dict(self) -> dict[str, int]:
        """Return the counts as they stand in the summary."""
        counts = {name: getattr(self, name) for name in COUNT_FIELDS}
        return {**counts, "pending": self.pending}


COUNT_FIELDS = tuple(Counts.__dataclass_fields__)


class State(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    """Every ID that was read has ended."""
    STOPPED = "stopped"
    """A guard stopped a lane or the run."""
    INTERRUPTED = "interrupted"
    """The user stopped it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: printed, returned by the library, and the log's last line.

    Attributes:
        state: How it ended.
        reason: Why it ended early, in words with the next step, or None.
        counts: The counts over all lanes.
        lanes: The counts of each lane.
        rates: Requests per second of each lane, over this run.
        paces: How each lane went: what bound it and what was learned (`engine.telemetry`).
        notes: What was found out on the way and a person should know, a sentence each.
        elapsed_s: Seconds from the first to the last step of the run.
        log: Path of the result log, or None.
    """

    state: State
    reason: str | None
    counts: Counts
    lanes: Mapping[str, Counts]
    rates: Mapping[str, float]
    elapsed_s: float
    log: str | None
    paces: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def all_gone(self) -> bool:
        """Whether every ID of the sources is gone: none failed, invalid, in doubt or left."""
        counts = self.counts
        return self.state is State.FINISHED and not (
            counts.failed
            or counts.invalid
            or counts.skipped_failed
            or counts.pending
            or counts.doubted
        )

    def as_dict(self) -> dict[str, object]:
        """Return it as the JSON object of ``--json`` and of the log."""
        return {
            "state": self.state.value,
            "reason": self.reason,
            **self.counts.as_dict(),
            "elapsed_s": round(self.elapsed_s, 3),
            "log": self.log,
            **({"notes": list(self.notes)} if self.notes else {}),
            "lanes": {
                name: {
                    **counts.as_dict(),
                    "rate": round(self.rates.get(name, 0.0), 3),
                    **({"pace": self.paces[name]} if name in self.paces else {}),
                }
                for name, counts in self.lanes.items()
            },
        }
