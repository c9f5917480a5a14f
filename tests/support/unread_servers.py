"""Servers that nobody knows: made at random, each answers 404 for some reason in some way.

    UnreadServer   objects, routes and words, drawn; `delete` and `ask` as a lane asks it

What is drawn: which objects there are, whether deletions are served at all, whether GETs are,
what a missing object, a missing route and a missing path are answered with, whether a proxy in
front answers everything itself, or every other request.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Final

from bulkdel.models import Answer
from bulkdel.providers import Operation

Wording = Callable[[str, str, int], Answer]
"""Makes an answer: of the path, the ID and the number of the request."""


def _json(status: int, body: object) -> Answer:
    return Answer(status, json.dumps(body).encode())


WORDINGS: Final[tuple[Wording, ...]] = (
    lambda _path, _id, _n: Answer(404),
    lambda _path, _id, _n: Answer(410),
    lambda _path, _id, _n: Answer(404, b"404 page not found"),
    lambda _path, _id, n: Answer(404, b"404 page not found, request %d" % n),
    lambda path, _id, _n: Answer(404, f"<pre>Cannot DELETE {path}</pre>".encode()),
    lambda path, _id, _n: _json(404, {"detail": f"no route {path}"}),
    lambda _path, _id, _n: _json(404, {"detail": "Not Found"}),
    lambda _path, _id, n: _json(404, {"detail": "Not Found", "trace_id": f"t-{n}"}),
    lambda _path, _id, n: _json(404, {"detail": "Not Found", "nonce": f"x{n}"}),
    lambda _path, one, _n: _json(404, {"detail": f"There is no {one} here."}),
    lambda _path, one, n: _json(
        404, {"error": {"code": "Missing", "message": f"No response {one}. Request id: 0{n}-a"}}
    ),
    lambda _path, one, n: _json(404, {"error": {"message": f"{n}: unknown response {one}"}}),
    lambda _path, one, _n: _json(404, {"error": {"message": f"{one} missing, try again later"}}),
    lambda _path, _id, _n: _json(404, {"error": {"message": "resp_0a1b2c3d4e is not known"}}),
    lambda _path, _id, _n: _json(404, {"message": "upstream has no such object"}),
)
OTHERS: Final[tuple[Wording, ...]] = (
    *WORDINGS,
    lambda _path, _id, _n: Answer(405),
    lambda _path, _id, _n: _json(403, {"error": {"message": "no"}}),
    lambda _path, _id, _n: _json(400, {"error": {"message": "bad"}}),
    lambda _path, _id, _n: _json(200, {"status": "ok"}),
)


class UnreadServer:
    """One server.

    Attributes:
        present: The objects that are there.
        deletes: Whether it serves deletions.
        harmed: What it was made to delete beside the IDs that it was given.
    """

    def __init__(self, seed: int, ids: list[str]) -> None:
        dice = random.Random(seed)
        share = dice.choice((0.0, 0.3, 0.9, 1.0))
        self.present = {one for one in ids if dice.random() < share}
        self.deletes = dice.random() < 0.7
        self.harmed: list[str] = []
        self._ids = set(ids)
        self._number = 0
        self._shows = dice.random() < 0.9
        self._missing = dice.choice(WORDINGS)
        self._no_route = dice.choice(OTHERS)
        self._no_path = dice.choice((self._no_route, dice.choice(OTHERS)))
        # A proxy that words its own 404 as the endpoint words a missing object cannot be told.
        self._page = dice.choice([page for page in OTHERS if page is not self._missing])
        self._proxy = dice.choice((None, None, None, "all", "in turns", "at random"))
        self._dice = dice

    @property
    def is_plain(self) -> bool:
        """Whether what stands there is the endpoint, without a proxy that answers for it."""
        return self.deletes and self._shows and self._proxy is None

    def delete(self, object_id: str, _: int) -> Answer:
        """Answer a deletion at the right path."""
        return self._answer("DELETE", "/responses/{id}", object_id)

    def ask(self, operation: Operation, object_id: str) -> Answer:
        """Answer a request of an inquiry."""
        return self._answer(operation.method, operation.path, object_id)

    def _answer(self, method: str, template: str, object_id: str) -> Answer:
        self._number += 1
        path = template.replace("{id}", object_id)
        if self._by_proxy():
            return self._page(path, object_id, self._number)
        if template != "/responses/{id}":
            return self._no_path(path, object_id, self._number)
        if not (self.deletes if method == "DELETE" else self._shows):
            return self._no_route(path, object_id, self._number)
        if object_id not in self.present:
            return self._missing(path, object_id, self._number)
        if method == "GET":
            return _json(200, {"id": object_id, "object": "response"})
        self.present.remove(object_id)
        return _json(200, {"id": object_id, "object": "response", "deleted": True})

    def _by_proxy(self) -> bool:
        if self._proxy == "in turns":
            return self._number % 2 == 0
        return self._proxy == "all" or (self._proxy == "at random" and self._dice.random() < 0.5)
