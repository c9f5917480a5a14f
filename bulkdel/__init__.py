"""Delete millions of stored objects at LLM providers, one request each.

    import bulkdel

    summary = await bulkdel.delete_ids(ids, provider="ark", api_key=key, log="purge.jsonl")

The key is an argument, and settings of the account are those of a `Lane`:

    lane = bulkdel.Lane(provider=bulkdel.PROVIDERS["ark"], api_key=key, rate=10)
    summary = await bulkdel.delete_ids(ids, lane=lane, log="purge.jsonl")

The names below are the public ones; everything else may change in any release.
"""

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
