"""The providers by name.

    base.py      what a provider is
    answers.py   what an answer says          (shared, pure)
    rules.py     what it means                (shared, pure: tables)
    ark.py, fireworks.py, openai.py           the facts and tables of one provider each

A new provider is one module and one name in `PROVIDERS`; it is done when it passes the
conformance suite in ``tests/providers/test_providers.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from bulkdel.errors import ConfigError
from bulkdel.providers import ark, fireworks, openai
from bulkdel.providers.base import Provider

__all__ = ["PROVIDERS", "Provider", "get"]

PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {module.PROVIDER.name: module.PROVIDER for module in (ark, fireworks, openai)}
)


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
