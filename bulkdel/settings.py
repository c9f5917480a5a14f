"""What a user decides about a lane and about a run, checked before anything is sent.

A `Lane` is one provider account. Settings are made once, at the edge (the command
line or the caller of the library), and passed down; defaults live here and nowhere else.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from bulkdel.errors import ConfigError
from bulkdel.object_id import IdForm
from bulkdel.providers.base import Provider
from bulkdel.providers.operations import RESPONSES, Resource
from bulkdel.secret import Secret

CONCURRENCY_MAX: Final = 4096
"""Most requests in flight per lane that can be asked for; beyond it, open files run out."""

LEAVE_MAX: Final = 0.9
"""Most of a limit that can be left to others: with less than a tenth a lane hardly moves."""

DEFAULT_CONCURRENCY: Final = 128
DEFAULT_ATTEMPTS: Final = 5
DEFAULT_TIMEOUT_S: Final = 30.0
DEFAULT_OUTAGE_LIMIT_S: Final = 600.0

_LANE_NAME: Final = re.compile(
    r"(?=.{1,64}\Z)[A-Za-z0-9][A-Za-z0-9_.\-]*(?::[A-Za-z0-9][A-Za-z0-9_.\-]*)?"
).fullmatch

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,99}").fullmatch
_OUR_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""What says whose key it is, where it goes, and where a message ends: not the user's to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One provider account: where it is, its key, and how hard to work it.

    Attributes:
        provider: The provider and its rules.
        resource_name: What is deleted there: ``responses``, or another of its resources.
        params: For a resource that is below others, the IDs of those: ``vector_store_id``.
        name: Name of the lane in the log and on the screen; by default the provider's, and
            after a colon the resource's unless that is ``responses``.
        api_key: The account's key. Never shown, logged or sent to another host.
        base_url: Where the API is; the provider's own by default. ``http://`` is
            accepted for loopback only, unless `allow_http`.
        allow_http: Accept ``http://`` for any host. The key then travels in the clear.
        concurrency: Most requests in flight, 1 to 4096.
        rate: Requests per second, exactly; None finds the provider's limit (``auto``).
        rate_max: Ceiling of ``auto`` in requests per second; None for no ceiling. The
            default is the provider's documented limit.
        leave: Share of the limit that ``auto`` leaves free for others, 0 to 0.9. The default is
            the provider's: some where its limit is documented as shared.
        headers: Headers that go with every request beside the provider's, as ``OpenAI-Project``.
            Their values are never shown or logged.
        attempts_max: Requests sent for one ID at most, the first included; a refusal
            (429) does not count, since it says nothing about the ID.
        timeout_s: Seconds for one request, connection and answer included.
        any_id: Send also what does not look like an ID of the provider, as far as it can
            be sent without being mistaken for anything else.

    Raises:
        ConfigError: A value is out of range. The message never holds the key.
    """

    provider: Provider
    api_key: str | Secret = field(repr=False)
    resource_name: str = RESPONSES
    params: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    base_url: str = ""
    allow_http: bool = False
    concurrency: int = DEFAULT_CONCURRENCY
    rate: float | None = None
    rate_max: float | Literal["documented"] | None = "documented"
    leave: float | Literal["documented"] = "documented"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    attempts_max: int = DEFAULT_ATTEMPTS
    timeout_s: float = DEFAULT_TIMEOUT_S
    any_id: bool = False
    resource: Resource = field(init=False, repr=False, compare=False)
    """What is deleted: its paths, and which answer means what."""

    def __post_init__(self) -> None:
        resource = self.provider.resource(self.resource_name)  # says which there are
        if not self.name:
            object.__setattr__(self, "name", self._with_resource(self.provider.name, ":"))
        try:
            object.__setattr__(self, "resource", resource.at(self.params))
        except ValueError as exc:
            raise ConfigError(f"lane {self.name}: {exc}") from exc
        base_url = (self.base_url or self.provider.base_url).rstrip("/")
        if not self.provider.is_placed and not self.base_url:
            raise ConfigError(
                f"lane {self.name}: {self.provider.title} has a base URL of your own: give it, as"
                f" {base_url}, with --base-url"
            )
        object.__setattr__(self, "base_url", base_url)
        if not _LANE_NAME(self.name):
            raise ConfigError(
                f"lane name {self.name!r}: use letters, digits, '-', '_' and '.', and at most"
                " one ':' among them, at most 64"
            )
        object.__setattr__(self, "api_key", self.secret)
        check_key(self.secret, lane=self.name)
        check_base_url(base_url, allow_http=self.allow_http)
        for header, value in self.headers.items():
            self._check_header(header, value)
        _check_range("concurrency", self.concurrency, 1, CONCURRENCY_MAX)
        _check_range("attempts", self.attempts_max, 1, 100)
        _check_range("timeout", self.timeout_s, 0.001, 3600)
        _check_range("leave", self.left_share, 0, LEAVE_MAX)
        for name, rate in (("rate", self.rate), ("rate-max", self.ceiling)):
            if rate is not None:
                _check_range(name, rate, 0.001, 1_000_000)

    def _check_header(self, name: str, value: str) -> None:
        """Refuse a header that cannot travel, or that says what is not its own."""
        where = f"lane {self.name}: header {name!r}"
        if not _HEADER_NAME(name):
            raise ConfigError(f"{where}: a header's name is letters, digits and '-'")
        own = {*self.provider.headers(""), *self.resource.headers}
        if name.lower() in _OUR_HEADERS | {each.lower() for each in own}:
            raise ConfigError(f"{where}: bulkdel sends this one itself")
        if not value or value != value.strip() or not all(" " <= char <= "~" for char in value):
            raise ConfigError(
                f"{where}: its value must be printable ASCII without white space around it"
            )

    @property
    def secret(self) -> Secret:
        """The key, in what shows nothing of it."""
        return self.api_key if isinstance(self.api_key, Secret) else Secret(self.api_key)

    @property
    def id_form(self) -> IdForm:
        """What the IDs look like that may be sent."""
        form = self.resource.id_form
        return form.widened() if self.any_id else form

    @property
    def place(self) -> dict[str, object]:
        """Where it is and whose objects it deletes, as logs say it: of one lane, always the same."""
        whose = {"params": dict(self.params)} if self.params else {}
        return {
            "provider": self.provider.name,
            "resource": self.resource_name,
            "base_url": self.base_url,
            **whose,
        }

    @property
    def title(self) -> str:
        """What it works on, for people: the provider's title, the resource's name, whose it is."""
        whose = "".join(f", {name} {value}" for name, value in self.params.items())
        return self._with_resource(self.provider.title, " ") + whose

    def _with_resource(self, words: str, between: str) -> str:
        if self.resource_name == RESPONSES:
            return words
        return f"{words}{between}{self.resource_name}"

    @property
    def left_share(self) -> float:
        """Share of the limit that ``auto`` leaves free: `leave`, looked up."""
        return self.provider.leave if self.leave == "documented" else self.leave

    @property
    def ceiling(self) -> float | None:
        """Ceiling of ``auto`` in requests per second, or None: `rate_max`, looked up."""
        return self.provider.rate_max if self.rate_max == "documented" else self.rate_max


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        raise ConfigError(f"{name} must be {least} to {most:,}, not {value}")


def check_key(key: Secret, *, lane: str) -> None:
    """Refuse a key that could not travel in a header, without showing it.

    Raises:
        ConfigError: The key is empty or holds other than printable ASCII.
    """
    if not key:
        raise ConfigError(f"lane {lane}: the key is empty")
    fault = _fault_of(key)
    if fault is not None:
        raise ConfigError(
            f"lane {lane}: the key holds {fault}; set it again, without quotes or a line end"
        )


def _fault_of(key: Secret) -> str | None:
    text = key.reveal()
    if text[0] == text[-1] and text[0] in "\"'`":
        return "quotes around it"
    for place, char in enumerate(text, start=1):
        if not "!" <= char <= "~":
            kind = "a line break" if char in "\r\n" else "a space, control or non-ASCII character"
            return f"{kind} at place {place} of {len(text)}"
    return None


def check_base_url(base_url: str, *, allow_http: bool) -> None:
    """Refuse a base URL that is not one, or that would send the key in the clear.

    Raises:
        ConfigError: With the reason.
    """
    if not base_url.isprintable() or " " in base_url:
        raise ConfigError(f"base URL {base_url!r}: it holds white space or a control character")
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError as exc:
        raise ConfigError(f"base URL {base_url!r}: {exc}") from exc
    if url.scheme not in ("https", "http") or not url.hostname or port == 0:
        raise ConfigError(f"base URL {base_url!r}: it must look like https://host/path")
    if url.username is not None or url.password is not None:
        raise ConfigError(
            "base URL: put no user name or password into it; the key has its own place"
        )
    if url.query or url.fragment or "?" in base_url or "#" in base_url:
        raise ConfigError(f"base URL {base_url!r}: it must not have a '?' or '#' part")
    if any(part in (".", "..") for part in url.path.split("/")) or "//" in url.path:
        raise ConfigError(f"base URL {base_url!r}: its path must not hold '.', '..' or '//'")
    if url.scheme == "http" and not allow_http and not is_loopback(url.hostname):
        raise ConfigError(
            f"base URL {base_url!r}: http:// would send the key in the clear;"
            " use https://, or --allow-http if you are sure"
        )


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: nothing sent there leaves it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Durability(StrEnum):
    """When written lines are forced to the disk."""

    FULL = "full"
    """After each group: a power cut loses at most 20 ms of lines."""
    NORMAL = "normal"
    """Once a second. A killed process loses nothing that was written."""
    OFF = "off"
    """Whenever the system likes."""


DEFAULT_DURABILITY: Final = Durability.NORMAL


class Part(NamedTuple):
    """One part of a job that is split: ``number``, from 0, of so many."""

    number: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """The command that starts a run, for those who read its log.

    Attributes:
        folder: Where it was started: names of files are relative to it.
        words: What stands behind ``bulkdel``, also what the environment or a file of settings said.
            Of a header its name alone, since its value may be a secret.
        log: Where its log is, as an absolute path.
    """

    folder: str
    words: tuple[str, ...]
    log: str

    def as_dict(self) -> dict[str, object]:
        """Return it as the header of a run has it."""
        return {"folder": self.folder, "words": list(self.words), "log": self.log}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What a user decides about one run.

    Attributes:
        lanes: The provider accounts.
        log: The result log; an existing one is resumed. None keeps no log.
        done_logs: Other logs, also compressed ones: what is done there is skipped.
        durability: When log lines are forced to the disk.
        seal: Whether each group of lines is sealed (`result_log.seal`).
        max_delete: Most deletions, counted over the whole log; None for no limit.
        max_failures: Most failed IDs, or None.
        max_failures_share: Most failed IDs as a share, 0 to 1, or None.
        retry_failed: Try again the IDs that this log says failed for good.
        retry_gone: Ask again for the IDs that this log says are gone.
        allow_gone: Believe that what the provider calls gone is gone, however many, and take
            for done what a log calls gone in doubt.
        wait_long: Wait as long as a provider asks, however long.
        outage_limit_s: Seconds of outage after which a lane stops.
        max_duration_s: Seconds after which no more IDs are taken, from the start of the run; what
            is in flight is finished. None for no limit.
        part: The part of a split job that this run works; None for all of it.
        command: The command that starts it, which the log keeps; None if none does, or if a key may
            be in it.

    Raises:
        ConfigError: A value is out of range.
    """

    lanes: Sequence[Lane]
    log: Path | None = None
    done_logs: Sequence[Path] = ()
    durability: Durability = DEFAULT_DURABILITY
    seal: bool = False
    max_delete: int | None = None
    max_failures: int | None = None
    max_failures_share: float | None = None
    retry_failed: bool = False
    retry_gone: bool = False
    allow_gone: bool = False
    wait_long: bool = False
    outage_limit_s: float = DEFAULT_OUTAGE_LIMIT_S
    max_duration_s: float | None = None
    part: Part | None = None
    command: CommandLine | None = None

    def __post_init__(self) -> None:
        names = [lane.name for lane in self.lanes]
        if not names:
            raise ConfigError("a run needs a lane")
        if len(set(names)) < len(names):
            raise ConfigError(f"two lanes have one name: {', '.join(sorted(names))}")
        if self.max_delete is not None and self.max_delete < 0:
            raise ConfigError(f"max-delete must be 0 or more, not {self.max_delete}")
        if not 0 <= self.outage_limit_s <= 86_400:
            raise ConfigError(f"outage-limit must be 0 to 86,400 s, not {self.outage_limit_s}")
        if self.max_duration_s is not None and not 0 < self.max_duration_s < math.inf:
            raise ConfigError(f"max-duration must be more than 0 s, not {self.max_duration_s}")
