"""Delete millions of stored objects at LLM providers, one request each.

    import bulkdel

    summary = await bulkdel.delete_ids(ids, provider="ark", api_key=key, log="purge.jsonl")

The key is an argument, and settings of the account are those of a `Lane`:

    lane = bulkdel.Lane(provider=bulkdel.PROVIDERS["ark"], api_key=key, rate=10)
    summary = await bulkdel.delete_ids(ids, lane=lane, log="purge.jsonl")

The names below are the public ones; everything else may change in any release.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bulkdel.api import Deletion, Options, delete_ids, open_deletion
    from bulkdel.engine.snapshot import LaneSnapshot
    from bulkdel.errors import (
        BulkdelError,
        ConfigError,
        LogBusyError,
        ResultLogError,
        SourceError,
    )
    from bulkdel.models import Counts, Outcome, Result, State, Summary
    from bulkdel.providers import PROVIDERS, Provider
    from bulkdel.settings import Lane
    from bulkdel.version import __version__

__all__ = [
    "PROVIDERS",
    "BulkdelError",
    "ConfigError",
    "Counts",
    "Deletion",
    "Lane",
    "LaneSnapshot",
    "LogBusyError",
    "Options",
    "Outcome",
    "Provider",
    "Result",
    "ResultLogError",
    "SourceError",
    "State",
    "Summary",
    "__version__",
    "delete_ids",
    "open_deletion",
]

_MODULES: Final = {
    "api": ("Deletion", "Options", "delete_ids", "open_deletion"),
    "engine.snapshot": ("LaneSnapshot",),
    "errors": ("BulkdelError", "ConfigError", "LogBusyError", "ResultLogError", "SourceError"),
    "models": ("Counts", "Outcome", "Result", "State", "Summary"),
    "providers": ("PROVIDERS", "Provider"),
    "settings": ("Lane",),
    "version": ("__version__",),
}
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the command is there before all of it is (`__main__`)."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
