"""Made-up IDs that look like the real ones.

The shapes are observations from public examples; no provider documents a grammar:

    ark         resp_02 + 13 digits, milliseconds since 1970 + 38 hex digits
    fireworks   resp_ + 32 hex digits
    openai      resp_ + 50 hex digits, of which the 19th to 26th are seconds since 1970
    litellm     resp_ + base64 of a text with one of these, or of as long a ciphertext
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Final

from bulkdel.errors import ConfigError

CREATED_S: Final = 1_767_225_600.0
"""When made-up objects were created unless said otherwise: 2026-01-01, 00:00 UTC."""

_APART_S: Final = 0.037
"""Seconds between the creation of one object and the next."""


def make_ids(provider: str, n: int, seed: int = 0, *, created_s: float = CREATED_S) -> list[str]:
    """Return ``n`` different IDs as ``provider`` would give them, the same for the same seed.

    Each holds at least 128 random bits, so two alike among a million are out of the question.

    Args:
        provider: ``ark`` or another one that stores responses, or the lane of another kind
            of object: ``openai:files``.
        n: How many.
        seed: Another seed gives other IDs.
        created_s: When the first object was created, in seconds since 1970; the others
            follow it closely.

    Raises:
        ConfigError: No such provider, or ``n`` is negative.
    """
    if ":" in provider:
        make = _object_of(provider)
    elif provider in _MAKERS:
        make = _MAKERS[provider]
    else:
        raise ConfigError(f"no provider {provider!r}; there are {', '.join(_MAKERS)}")
    if n < 0:
        raise ConfigError(f"n must be >= 0, not {n}")
    rng = random.Random(f"{provider} {seed}")  # noqa: S311 - repeatable, not secret
    return [make(rng, created_s + i * _APART_S) for i in range(n)]


def _ark(rng: random.Random, created_s: float) -> str:
    return f"resp_02{int(created_s * 1000):013d}{rng.getrandbits(152):038x}"


def _fireworks(rng: random.Random, created_s: float) -> str:  # noqa: ARG001 - holds no time
    return f"resp_{rng.getrandbits(128):032x}"


def _openai(rng: random.Random, created_s: float) -> str:
    tail = f"{rng.getrandbits(168):042x}"
    return f"resp_{tail[:18]}{int(created_s):08x}{tail[18:]}"


def _litellm(rng: random.Random, created_s: float) -> str:
    # Both kinds, as found in the records of a proxy that was given a master key at some time.
    text = (
        f"litellm:custom_llm_provider:openai;model_id:model-1;response_id:{_openai(rng, created_s)}"
    )
    if rng.random() < 0.5:
        return f"resp_{base64.b64encode(text.encode()).decode()}"
    return f"resp_{base64.urlsafe_b64encode(rng.randbytes(24 + 16 + len(text))).decode()}"


_HEADS: Final = {
    "openai:files": "file-",
    "openai:vector_stores": "vs_",
    "openai:conversations": "conv_",
    "openai:chat_completions": "chatcmpl-",
    "openai:videos": "video_",
    "openai:evals": "eval_",
    "ark:files": "file-",
    "anthropic:files": "file_",
    "anthropic:message_batches": "msgbatch_",
    "groq:files": "file_",
}


def _object_of(lane: str) -> Callable[[random.Random, float], str]:
    head = _HEADS.get(lane, "")

    def made(rng: random.Random, created_s: float) -> str:  # noqa: ARG001 - holds no time
        return head + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=26))

    return made


_MAKERS: Final[dict[str, Callable[[random.Random, float], str]]] = {
    "ark": _ark,
    "fireworks": _fireworks,
    "openai": _openai,
    "litellm": _litellm,
    "azure": _openai,
    "ogx": _openai,
    "xai": _fireworks,
}
