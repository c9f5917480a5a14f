"""The providers by name, and what a lane's name says.

    base.py        what a provider is
    operations.py  what can be asked of one kind of object there
    answers.py     what an answer says                            (shared, pure)
    words.py       whether it ends an ID: known whole, or not     (shared, pure)
    bodies.py      what it says in whatever shape, page or JSON   (shared, pure)
    tables.py      what else it means: rows of status and words   (shared, pure)
    rules.py       the order in which these are asked             (shared, pure)
    birth.py       when an object was made, where its ID says so
    shapes.py      a confirmation that came before, but for the ID
    likeness.py    whether two answers that nobody can read say the same
    declared.py    a kind of object in a few lines; listing.py how all of them are listed
    ark.py, fireworks.py, openai.py (with openai_objects.py), litellm.py, anthropic.py,
    gemini.py, mistral.py, groq.py, azure.py, ogx.py, together.py, openrouter.py, xai.py
                   the facts and tables of one provider each
    litellm_ids.py what a proxy's own ID says of the ID behind it

A lane is called ``PROVIDER[:RESOURCE][-LABEL]``: ``ark``, ``ark-eu``, ``openai:files``,
``openai:files-eu``. A bare provider means its responses.

A new provider is one module and one name in `PROVIDERS`; it is done when it passes the
conformance suite in ``tests/providers/test_providers.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from bulkdel.errors import ConfigError
from bulkdel.providers import (
    anthropic,
    ark,
    azure,
    fireworks,
    gemini,
    groq,
    litellm,
    mistral,
    ogx,
    openai,
    openrouter,
    together,
    xai,
)
from bulkdel.providers.base import Provider
from bulkdel.providers.operations import RESPONSES, Operation, Resource

__all__ = [
    "BUILT_IN",
    "PROVIDERS",
    "RESPONSES",
    "Operation",
    "Provider",
    "Resource",
    "added",
    "find",
    "get",
    "lanes_in_file",
]

_KNOWN: Final = {
    module.PROVIDER.name: module.PROVIDER
    for module in (
        ark,
        fireworks,
        openai,
        litellm,
        anthropic,
        gemini,
        mistral,
        groq,
        azure,
        ogx,
        together,
        openrouter,
        xai,
    )
}
_LANES: Final[dict[str, str]] = {}

BUILT_IN: Final = frozenset(_KNOWN)

PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(_KNOWN)
"""All that are known: those built in, and those `added`."""


@contextmanager
def added(providers: Iterable[Provider], lanes: Mapping[str, str]) -> Iterator[None]:
    """Know more providers, and lanes by other names, for as long as it is open.

    Args:
        providers: Providers; none of them may be called as one that is known.
        lanes: By its name, what a lane stands for: ``PROVIDER[:RESOURCE]``.
    """
    new = {each.name: each for each in providers}
    _KNOWN.update(new)
    _LANES.update(lanes)
    try:
        yield
    finally:
        for name in new:
            del _KNOWN[name]
        for name in lanes:
            del _LANES[name]


def lanes_in_file() -> list[str]:
    """Return the names of lanes that were `added`."""
    return list(_LANES)


def get(name: str) -> Provider:
    """Return the provider called ``name``.

    Raises:
        ConfigError: There is none; the message has the known names.
    """
    provider = PROVIDERS.get(name)
    if provider is not None:
        return provider
    close = get_close_matches(name.lower(), PROVIDERS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = ", ".join(PROVIDERS)
    raise ConfigError(f"there is no provider {name!r}; known are: {known}.{hint}")


def find(lane: str) -> tuple[Provider, Resource]:
    """Return the provider and the resource that a lane's name says.

    Raises:
        ConfigError: There is no such provider or resource; the message has the known ones.
    """
    lane = _LANES.get(lane, lane)
    name, colon, rest = lane.partition(":")
    if not colon:
        provider = PROVIDERS.get(lane) or get(lane.partition("-")[0])
        return provider, provider.resource()
    provider = get(name)
    fitting = [each for each in provider.resources if rest == each or rest.startswith(f"{each}-")]
    # The longest: the label of one resource may read like the rest of another's name.
    return provider, provider.resource(max(fitting, key=len, default=rest))
