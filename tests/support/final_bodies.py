"""Bodies that end an ID, and a seeded grammar of bodies that almost do.

    DOCUMENTED --> spoilt: words put in, left out or turned round, other nouns, other IDs,
                   fields that speak of failure, wrappings, other cases, other statuses
               --> `is_final`: the oracle, which knows the documented bodies alone

The oracle is written apart from `bulkdel.providers`: an answer is final if, with what is
harmless taken away, it *equals* a documented body. It knows no patterns and no words.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

ID: Final = "resp_021764229578658fe9a0f6cb2cc6c828e7a59adbdb971872aee70"
OTHER: Final = "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b"

Body = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One answer about `ID`.

    Attributes:
        provider: Name of the provider, as a lane's.
        outcome: The word that it ends the ID with, if it is not spoilt.
        status: HTTP status.
        body: The body.
        source: Where it is documented or was seen.
        raw: The body as bytes, where it is no longer JSON of `body`.
        how: What was done to it.
    """

    provider: str
    outcome: str
    status: int
    body: Body
    source: str
    raw: bytes | None = None
    how: str = "as documented"

    @property
    def sent(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body).encode() if self.raw is None else self.raw


def _error(message: str, code: str | None = None, kind: str = "", param: str | None = None) -> Body:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


_FLAG: Final = {"id": ID, "object": "response", "deleted": True}
_INVALID: Final = "invalid_request_error"
_IN_LITELLM: Final = (
    "litellm.NotFoundError: OpenAIException - %s\n\nLiteLLM: model group 'model-1' failed with"
    " the error above. No fallback was attempted."
)

DOCUMENTED: Final = (
    Sample("ark", "deleted", 200, _FLAG, "https://www.volcengine.com/docs/82379/1584286"),
    Sample("openai", "deleted", 200, _FLAG, "openai-openapi: openapi.yaml, deleteResponse"),
    Sample(
        "openai",
        "deleted",
        200,
        {**_FLAG, "object": "response.deleted"},
        "https://github.com/openai/openai-openapi/issues/507",
    ),
    Sample(
        "openai",
        "deleted",
        200,
        {"deleted": True, "id": ID},
        "https://www.alibabacloud.com/help/en/model-studio/delete-a-response",
    ),
    Sample(
        "fireworks",
        "deleted",
        200,
        {"message": "Response deleted successfully"},
        "https://docs.fireworks.ai/api-reference/delete-response",
    ),
    Sample(
        "ark",
        "gone",
        404,
        {
            "error": {
                "code": "NotFound.ResponseId",
                "message": f"The specified response {ID} is not found. Request id: 021764",
                "param": "",
                "type": "NotFound",
            }
        },
        "https://www.volcengine.com/docs/82379/1299023, its row NotFound.{Param}",
    ),
    Sample(
        "openai",
        "gone",
        404,
        _error(f"Response with id '{ID}' not found.", kind=_INVALID),
        "https://github.com/BerriAI/litellm/issues/34422",
    ),
    Sample(
        "openai",
        "gone",
        404,
        _error(f"Response with id '{ID}' not found.", _INVALID, _INVALID, "response_id"),
        "azure-ai-agentserver-responses 2.3.0: hosting/_validation.py",
    ),
    Sample(
        "openai",
        "gone",
        404,
        _error(f"Response with id '{ID}' not found.", "response_not_found", "not_found"),
        "fastresponses 0.1.0: server.py",
    ),
    Sample(
        "openai",
        "gone",
        404,
        {"error": {"message": f"Response with id '{ID}' not found.", "type": "InvalidParameter"}},
        "https://www.alibabacloud.com/help/en/model-studio/delete-a-response",
    ),
    Sample(
        "openai",
        "gone",
        400,
        {"error": {"message": f"Response with id '{ID}' not found.", "type": "InvalidParameter"}},
        "the same: its status is not documented",
    ),
    Sample(
        "openai",
        "gone",
        404,
        {
            "error": {
                "message": f"Response '{ID}' not found."
                " Use 'client.responses.list()' to list available Responses."
            }
        },
        "ogx-api 1.5.0: common/errors.py",
    ),
    Sample(
        "openai",
        "gone",
        400,
        {"error": {"detail": f"Invalid value: Response with id {ID} not found"}},
        "llama-stack 0.2.12: distribution/server/server.py, utils/responses/responses_store.py",
    ),
    Sample(
        "openai",
        "gone",
        404,
        {
            "detail": {
                "error": {
                    "message": f"Response '{ID}' not found",
                    "type": _INVALID,
                    "param": None,
                    "code": "response_not_found",
                }
            }
        },
        "graphserve 0.2.3: routes/responses.py",
    ),
    Sample(
        "fireworks",
        "gone",
        404,
        {"detail": f"Response with id '{ID}' not found"},
        "none: the emulator's, in the shape of the service's 422",
    ),
    Sample("litellm", "deleted", 200, _FLAG, "LiteLLM 1.109.1: seen at one that ran"),
    Sample(
        "litellm",
        "gone",
        404,
        {
            "error": {
                "message": _IN_LITELLM
                % json.dumps(_error(f"Response with id '{ID}' not found.", kind=_INVALID)),
                "type": _INVALID,
                "param": None,
                "code": "404",
            }
        },
        "LiteLLM 1.109.1: seen at one that ran, before a server with OpenAI's words",
    ),
    Sample(
        "litellm",
        "gone",
        404,
        {"detail": f"Polling response {ID} not found"},
        "LiteLLM 1.109.1: proxy/response_api_endpoints/endpoints.py",
    ),
)

# --- the oracle -------------------------------------------------------------------------

_IDS_OF_REQUESTS: Final = ("request_id", "requestId", "trace_id")


def is_final(sample: Sample) -> bool:
    """Say whether an answer is a documented one, but for what is harmless."""
    try:
        body = json.loads(sample.sent, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return False
    inside = _inside_litellm(sample, body)
    if inside is not None:
        return is_final(inside)
    return isinstance(body, dict) and any(
        (sample.status, _unwrapped(body)) == (known.status, _unwrapped(known.body))
        for known in DOCUMENTED
        if known.provider == sample.provider
    )


def _inside_litellm(sample: Sample, body: Any) -> Sample | None:
    """Return what the server behind a LiteLLM proxy said, if that stands in this 404, whole."""
    if sample.provider != "litellm" or sample.status != 404 or not isinstance(body, dict):
        return None
    fields = _unwrapped(body)
    if not isinstance(fields, dict) or "message" not in fields:
        return None
    kind, said = fields.pop("message")
    before, after = _IN_LITELLM.replace("'model-1'", "'%s'").split("%s", 1)
    middle, end = after.split("%s")
    inner, found, rest = str(said).removeprefix(before).rpartition(middle)
    names_a_group = found and rest.endswith(end) and "'" not in rest.removesuffix(end)
    if kind is not str or not str(said).startswith(before) or not names_a_group:
        return None
    if fields != {"type": (str, _INVALID), "code": (str, "404")}:
        return None
    return replace(sample, provider="openai", raw=inner.encode())


def _unwrapped(body: Body) -> Any:
    """Return what stands in up to four ``error`` or ``detail`` that hold nothing else."""
    bare = _bare(body)
    for _ in range(4):
        inner = next((bare[name] for name in ("error", "detail") if list(bare) == [name]), None)
        if not isinstance(inner, dict):
            break
        bare = inner
    return bare


def _once(pairs: list[tuple[str, Any]]) -> Body:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _bare(value: Any) -> Any:
    """Return a body without nothing, IDs of requests and counted tokens."""
    if not isinstance(value, dict):
        return (type(value), value)  # True is not 1
    bare = {}
    for name, held in value.items():
        if name not in ("id", "object") and (held in (None, "") or held in ([], {})):
            continue
        if name in _IDS_OF_REQUESTS and isinstance(held, str) and held.isidentifier():
            continue
        if name == "usage" and held == _USAGE:
            continue
        bare[name] = _bare(held)
    if isinstance(value.get("message"), str):
        text, _, request = value["message"].rpartition(" Request id: ")
        bare["message"] = _bare(text if request.isalnum() else value["message"])
    if value.get("param") in ("id", "response_id", "file_id"):
        bare.pop("param")
    if value.get("type") == value.get("code") == _INVALID:  # Azure's agent server says it twice
        bare.pop("code")
    return bare


# --- the grammar ------------------------------------------------------------------------

Change = Callable[[random.Random, Sample], Sample]

_USAGE: Final = {"input_tokens": 0, "output_tokens": 0, "details": {"cached_tokens": 0}}
_HARMLESS: Final[list[Body]] = [
    {"request_id": "req_0123abc"},
    {"requestId": "b7e1"},
    {"trace_id": "t_1"},
    {"usage": _USAGE},
    {"usage": None},
    {"error": None},
    {"errors": []},
    {"metadata": {}},
    {"warning": ""},
]
_FAILURE: Final[list[Body]] = [
    {"status": "failed"},
    {"status": "pending"},
    {"status": 500},
    {"state": "scheduled"},
    {"errors": ["nothing was deleted"]},
    {"errors": [{"code": 13}]},
    {"error": {"code": "x"}},
    {"error": "conflict"},
    {"error": True},
    {"code": 500},
    {"code": "InternalError"},
    {"success": False},
    {"ok": 0},
    {"warning": "the object is locked"},
    {"message": "Replication lag, try again"},
    {"note": "will be deleted within 30 days"},
    {"retry": True},
    {"Deleted": False},
    {"deleted_count": 0},
    {"result": "rejected"},
    {"reason": "retention policy"},
    {"soft": True},
    {"details": {"status": "failed"}},
    {"usage": {"error": "quota"}},
    {"request_id": "none: the upstream did not answer"},
    {"request_id": 500},
]
_WORDS: Final = (
    *("not", "no", "never", "previous", "Upstream", "temporarily", "partially", "maybe", "yet"),
    *("un", "almost", "API key", "Model", "the replica of", "error:", "0", "still", "queued"),
)
_BEFORE: Final = (
    *("Failed: ", "Warning: ", "API key object not found. ", "Upstream: ", "Model gpt-5 or "),
    *("Could not check whether: ", "DELETE /v1/responses/: ", "{", "Previous ", "not "),
)
_AFTER: Final = (
    *(" in this region", " or you do not have access", ". Replication lag, try again", " yet"),
    *(" at this replica", "?", " for this API version", " (timeout)", " because it is locked", "!"),
    *(" Did you mean another project?", ", retry later", "\nTraceback", " Request id: a b"),
)
_NOUNS: Final = (
    *("Model", "API key object", "Upstream response", "Route", "Project", "File", "Deployment"),
    *("Conversation", "Previous response", "Resource", "Endpoint", "Account", "response item"),
)
_IDS: Final = (
    OTHER,
    ID + "0",
    ID[:-1],
    ID.upper(),
    f"/v1/responses/{ID}",
    "4711",
    "",
    f"{ID} {ID}",
)


def spoilt(seed: int) -> Sample:
    """Return a documented answer with one to three things done to it."""
    rng = random.Random(seed)
    sample = rng.choice(DOCUMENTED)
    for change in rng.choices(_CHANGES, k=rng.choice((1, 1, 2, 3))):
        if sample.raw is None:
            sample = change(rng, sample)
    return sample


def _texts(body: Body) -> Iterator[tuple[Body, str, str]]:
    """Return every place with words: who holds it, its name, the words."""
    for name, held in body.items():
        if isinstance(held, dict):
            yield from _texts(held)
        elif isinstance(held, str) and " " in held:
            yield body, name, held


def _reword(change: Callable[[random.Random, str], str]) -> Change:
    def changed(rng: random.Random, sample: Sample) -> Sample:
        body = json.loads(json.dumps(sample.body))
        for holder, name, held in list(_texts(body)):
            holder[name] = change(rng, held)
        return replace(sample, body=body, how=f"{sample.how}, {change.__name__}")

    return changed


def word_put_in(rng: random.Random, text: str) -> str:
    """Put a word anywhere."""
    parts = text.split(" ")
    parts.insert(rng.randrange(len(parts) + 1), rng.choice(_WORDS))
    return " ".join(parts)


def word_left_out(rng: random.Random, text: str) -> str:
    """Leave a word out."""
    parts = text.split(" ")
    del parts[rng.randrange(len(parts))]
    return " ".join(parts)


def words_swapped(rng: random.Random, text: str) -> str:
    """Swap two words."""
    parts = text.split(" ")
    a, b = rng.sample(range(len(parts)), 2)
    parts[a], parts[b] = parts[b], parts[a]
    return " ".join(parts)


def put_before(rng: random.Random, text: str) -> str:
    """Begin with something else."""
    return rng.choice(_BEFORE) + text


def put_after(rng: random.Random, text: str) -> str:
    """End with something else."""
    return text.rstrip(".") + rng.choice(_AFTER)


def other_noun(rng: random.Random, text: str) -> str:
    """Say it of something else."""
    for noun in ("Response", "response", "File"):
        if noun in text:
            return text.replace(noun, rng.choice(_NOUNS), 1)
    return f"{rng.choice(_NOUNS)} {text}"


def other_id(rng: random.Random, text: str) -> str:
    """Say it of another ID."""
    return text.replace(ID, rng.choice(_IDS))


def other_case(rng: random.Random, text: str) -> str:
    """Write it in other letters."""
    return rng.choice((text.upper(), text.lower(), text.title(), text.swapcase()))


def turned_round(rng: random.Random, text: str) -> str:
    """Say the contrary."""
    for yes, no in (
        ("not found", rng.choice(("found", "not deletable", "not findable now", "lost"))),
        ("deleted", rng.choice(("not deleted", "undeleted", "deletable", "kept"))),
    ):
        if yes in text:
            return text.replace(yes, no)
    return f"not: {text}"


def _field(rng: random.Random, sample: Sample, fields: list[Body], how: str) -> Sample:
    body = json.loads(json.dumps(sample.body))
    holders = [body, *(held for held in body.values() if isinstance(held, dict))]
    holder = rng.choice(holders)
    for name, value in rng.choice(fields).items():
        holder.setdefault(name, value)
    return replace(sample, body=body, how=f"{sample.how}, {how}")


def _failure(rng: random.Random, sample: Sample) -> Sample:
    return _field(rng, sample, _FAILURE, "failure beside it")


def _harmless(rng: random.Random, sample: Sample) -> Sample:
    return _field(rng, sample, _HARMLESS, "harmless beside it")


def _status(rng: random.Random, sample: Sample) -> Sample:
    status = rng.choice((200, 201, 202, 204, 206, 400, 401, 403, 404, 410, 422, 429, 500, 502, 503))
    return replace(sample, status=status, how=f"{sample.how}, HTTP {status}")


def _value(rng: random.Random, sample: Sample) -> Sample:
    """Change one value to something like it."""
    body = json.loads(json.dumps(sample.body))
    name = rng.choice(list(body))
    old = body[name]
    body[name] = rng.choice(
        (None, False, 1, "true", [old], {"value": old}, {name: old}, str(old), OTHER, "file", 0)
    )
    return replace(sample, body=body, how=f"{sample.how}, {name} changed")


def _wrapped(rng: random.Random, sample: Sample) -> Sample:
    raw = json.dumps(sample.body)
    wrapped = rng.choice(
        (
            f'{{"data":{raw}}}',
            f"[{raw}]",
            f'{{"result":{raw},"success":false}}',
            json.dumps(raw),
            json.dumps({"error": {"message": raw, "code": "500"}}),
            f"{raw}{raw}",
            f"{raw}\n\nupstream timed out",
            raw[:-1],
            f'{raw[:-1]},"deleted":false,"deleted":true}}',
            f'{{"deleted":false,"message":"x","error":1,"detail":2,{raw[1:]}',
            raw.replace(":", ":[", 1).replace(",", "],", 1),
            '{"error":' * 900 + raw + "}" * 900,
            '{"detail":' * 7 + raw + "}" * 7,
        )
    )
    return replace(sample, raw=wrapped.encode(), how=f"{sample.how}, wrapped")


_CHANGES: Final[tuple[Change, ...]] = (
    *(
        _reword(change)
        for change in (
            word_put_in,
            word_left_out,
            words_swapped,
            put_before,
            put_after,
            other_noun,
            other_id,
            other_case,
            turned_round,
        )
    ),
    _failure,
    _failure,
    _failure,
    _harmless,
    _harmless,
    _status,
    _value,
    _wrapped,
)
