"""What a provider is: where its API is, whose key it wants, and its resources.

A provider module holds what its API documents, with the source of each fact, and nothing
that acts. `operations` says what a resource is, `answers` and `rules` what several share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from bulkdel.errors import ConfigError
from bulkdel.providers.operations import RESPONSES, Resource


def bearer(key: str) -> dict[str, str]:
    """Return the request headers for a key sent as ``Authorization: Bearer``."""
    return {"Authorization": f"Bearer {key}"}


def by_name(*resources: Resource) -> Mapping[str, Resource]:
    """Return resources as `Provider.resources` holds them."""
    return {resource.name: resource for resource in resources}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One remote API and its resources.

    Attributes:
        name: Its name on the command line and in the log.
        title: Its name for people.
        base_url: Where its API is, without a slash at the end.
        key_env: Environment variable that holds the key.
        resources: What can be deleted there, by name.
        rate_max: Documented limit for deletions, requests per second per account, as
            far as bulkdel uses it by default; None if none is documented.
        rate_note: Where that limit comes from, for people.
        leave: Share of the limit, 0 to 0.9, to leave free by default, where the documents say that
            others of the account share it.
        headers: The request headers for a key.
    """

    name: str
    title: str
    base_url: str
    key_env: str
    resources: Mapping[str, Resource]
    rate_max: float | None
    rate_note: str
    leave: float = 0.0
    headers: Callable[[str], dict[str, str]] = field(default=bearer)

    @property
    def is_placed(self) -> bool:
        """Whether its base URL is known: elsewhere it is each account's own."""
        return "{" not in self.base_url

    def resource(self, name: str = RESPONSES) -> Resource:
        """Return the resource called ``name``.

        Raises:
            ConfigError: There is none; the message has those there are.
        """
        resource = self.resources.get(name)
        if resource is not None:
            return resource
        close = get_close_matches(name.lower(), self.resources, n=1)
        hint = f" Did you mean {self.name}:{close[0]}?" if close else ""
        known = ", ".join(f"{self.name}:{each}" for each in self.resources)
        raise ConfigError(
            f"there is no resource {name!r} at the provider {self.name!r}; known are: {known}.{hint}"
        )
