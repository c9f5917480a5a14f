"""One account at one provider: what it answers to a deletion, and the counts.

    admit       key? fault? limit?   -> an answer at once, or the request is let in
    carry_out   the deletion itself  -> the answer, or what a fault made of it

Faults that keep the object come before the limit and do not count into it; a request that
is refused meets no other fault. No network, no clock and no waiting: `server` does these.
"""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from email.utils import formatdate
from typing import Final, NamedTuple
from urllib.parse import quote

from bulkdel.emulator.dialects import Dialect, Problem, Reply, masked
from bulkdel.emulator.faults import Fault, FaultPlan
from bulkdel.emulator.objects import created_s
from bulkdel.emulator.settings import AccountSettings
from bulkdel.emulator.store import Store

HUGE_BYTES: Final = 10_000_000
"""Length of the body of `Fault.HUGE`."""

OTHER_ID: Final = "resp_of_somebody_else"
"""The ID in the body of `Fault.OTHER_ID`."""

REDIRECTED: Final = "/_emulator/redirected"
"""Where `Fault.REDIRECT` points to; the asked path follows."""

_HTML: Final = {"Content-Type": "text/html"}
_PAGE: Final = b"<html><head><title>%b</title></head><body><h1>%b</h1><hr>nginx</body></html>\n"
_NOTHING: Final = Reply(200, b"")

_PROBLEM_OF: Final = {
    fault: problem for fault in Fault for problem in Problem if fault.value == problem.value
}
"""The faults that are a problem in the provider's own words."""


class Admission(NamedTuple):
    """What became of a request at the door.

    Attributes:
        number: Number of the request, from 1.
        fault: What it meets, or None.
        reply: Its answer, or None if it was let in.
    """

    number: int
    fault: Fault | None
    reply: Reply | None


class Account:
    """One account: its objects, its limit, its faults.

    Attributes:
        dialect: How its provider talks.
        store: Its objects.
        latency_s: Seconds to every answer.
    """

    def __init__(self, dialect: Dialect, settings: AccountSettings, seed: int) -> None:
        self.dialect = dialect
        if settings.missing is not None:
            self.dialect = dialect.wording(Problem.MISSING, settings.missing)
        self.store = Store(settings.ids)
        self.latency_s = settings.latency_s
        self._settings = settings
        self._key = settings.key
        self._limit = copy.deepcopy(settings.limit)
        self._plan = FaultPlan(settings.faults, f"{dialect.name} {seed}")
        self._began_s: float | None = None
        self._requests = 0
        self._reads = 0
        self._refusals = 0
        self._keys_refused = 0
        self._in_flight = 0
        self._in_flight_max = 0
        self._let_in = 0
        self._faults: Counter[Fault] = Counter()

    def admit(self, key: str | None, object_id: str, now_s: float) -> Admission:
        """Count a deletion that arrives, and answer it or let it in. `leave` is its end."""
        if self._began_s is None:
            self._began_s = now_s
        now_s -= self._began_s
        self._requests = number = self._requests + 1
        self._in_flight += 1
        self._in_flight_max = max(self._in_flight_max, self._in_flight)
        if key != self._key:
            return Admission(number, None, self._key_refused(key, number))
        fault = self._plan.draw(number, now_s)
        if fault is not None and not fault.acts:
            self._faults[fault] += 1
            return Admission(number, fault, self._instead(fault, object_id, number))
        refusal = self._refusal(number, now_s)
        if refusal is not None:
            return Admission(number, None, refusal)
        if fault is not None:
            self._faults[fault] += 1
        self._let_in += 1
        return Admission(number, fault, None)

    def carry_out(self, object_id: str, admission: Admission) -> Reply:
        """Delete an object, and return the answer with what the fault made of it."""
        number, fault, _ = admission
        if self.store.delete(object_id):
            reply = Reply(200, self.dialect.deleted(object_id), self.dialect.headers(number))
        else:
            reply = self.dialect.problem(Problem.MISSING, number, id=object_id)
        return reply if fault is None else self._spoil(fault, reply, number)

    def leave(self, admission: Admission) -> None:
        """Note that a request has ended."""
        self._in_flight -= 1
        if admission.reply is None:
            self._let_in -= 1

    def show(self, key: str | None, object_id: str) -> Reply:
        """Answer a GET. Only the key counts: looking must not disturb a test."""
        self._reads = number = self._reads + 1
        if key != self._key:
            return self._key_refused(key, number)
        if object_id in self.store:
            return Reply(200, self.dialect.stored(object_id), self.dialect.headers(number))
        return self.dialect.problem(Problem.MISSING, number, id=object_id)

    def list(self, key: str | None, query: str, now_s: float) -> Reply:
        """Answer a request for a page of the list; the limit counts it like a deletion."""
        self._reads = number = self._reads + 1
        if key != self._key:
            return self._key_refused(key, number)
        if self._began_s is None:
            self._began_s = now_s
        refusal = self._refusal(number, now_s - self._began_s)
        if refusal is not None:
            return refusal
        page = self.dialect.page
        if page is None:
            return self.dialect.problem(Problem.NO_METHOD, number)
        there = [(object_id, created_s(place)) for place, object_id in self.store.numbered()]
        return page(there, query)

    def counts(self) -> dict[str, int]:
        """Return the counts of ``/_emulator/stats``, see `Emulator.stats`."""
        return {
            "present": self.store.present,
            "deleted": self.store.deleted,
            "deleted_twice": self.store.deleted_twice,
            "unknown": self.store.unknown,
            "requests": self._requests,
            "reads": self._reads,
            "refusals": self._refusals,
            "keys_refused": self._keys_refused,
            "faults": self._faults.total(),
            "in_flight": self._in_flight,
            "in_flight_max": self._in_flight_max,
        }

    def faults(self) -> dict[str, int]:
        """Return how many requests met each fault."""
        return {fault.value: n for fault, n in self._faults.items()}

    def _key_refused(self, key: str | None, number: int) -> Reply:
        self._keys_refused += 1
        if key is None:
            return self.dialect.problem(Problem.KEY_MISSING, number)
        return self.dialect.problem(Problem.KEY_REFUSED, number, key=masked(key))

    def _refusal(self, number: int, now_s: float) -> Reply | None:
        most = self._settings.in_flight_max
        if most is not None and self._let_in >= most:
            return self._refused(Problem.REFUSED_IN_FLIGHT, number, 1.0)
        if self._limit is not None:
            wait_s = self._limit.wait_s(now_s)
            if wait_s > 0:
                return self._refused(Problem.REFUSED, number, wait_s)
        return None

    def _refused(self, problem: Problem, number: int, wait_s: float) -> Reply:
        self._refusals += 1
        reply = self.dialect.problem(problem, number)
        form = self._settings.retry_after
        if form is None:
            return reply
        if form == "seconds":
            field = ("Retry-After", str(max(1, math.ceil(wait_s))))
        elif form == "date":
            field = ("Retry-After", formatdate(math.ceil(time.time() + wait_s), usegmt=True))
        else:
            field = ("retry-after-ms", str(max(1, math.ceil(wait_s * 1000))))
        return reply._replace(headers={**reply.headers, field[0]: field[1]})

    def _instead(self, fault: Fault, object_id: str, number: int) -> Reply:
        """Return the answer of a fault that keeps the object."""
        if fault is Fault.REFUSED:
            return self._refused(Problem.REFUSED, number, 1.0)
        if fault in _PROBLEM_OF:
            values = {"id": object_id, "key": masked(self._settings.key)}
            return self.dialect.problem(_PROBLEM_OF[fault], number, **values)
        if fault is Fault.NOT_DELETED:
            return Reply(200, self.dialect.not_deleted(object_id), self.dialect.headers(number))
        if fault is Fault.PROXY_ERROR:
            return Reply(502, _PAGE % (b"502 Bad Gateway", b"502 Bad Gateway"), _HTML)
        if fault is Fault.PROXY_PAGE:
            return Reply(200, _PAGE % (b"Sign in", b"Sign in to the network"), _HTML)
        if fault is Fault.REDIRECT:
            segment = quote(object_id, safe="")
            return Reply(307, b"", {"Location": f"{REDIRECTED}{self.dialect.prefix}{segment}"})
        return _NOTHING  # no answer at all: `server` cuts the connection or hangs

    def _spoil(self, fault: Fault, reply: Reply, number: int) -> Reply:
        """Return what a fault makes of the answer to a deletion that was carried out."""
        if fault is Fault.ERROR_AFTER:
            return self.dialect.problem(Problem.ERROR, number)
        if fault is Fault.EMPTY:
            return Reply(200, b"", reply.headers)
        if fault is Fault.TRUNCATED:
            return reply._replace(body=reply.body[: len(reply.body) // 2])
        if fault is Fault.OTHER_ID and reply.status == 200:
            return reply._replace(body=self.dialect.deleted(OTHER_ID))
        if fault is Fault.HUGE:
            padding = b"x" * (HUGE_BYTES - len(reply.body) - len(b',"padding":""'))
            return reply._replace(body=reply.body[:-1] + b',"padding":"' + padding + b'"}')
        return reply  # whole, but `server` does not bring it through
