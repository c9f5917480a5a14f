"""Delete millions of stored objects at LLM providers, one request each.

    import bulkdel

    summary = await bulkdel.delete_ids(ids, provider="ark", api_key=key, log="purge.jsonl")

The names below are the public ones; everything else may change in any release.
"""

from bulkdel.api import Deletion, delete_ids, open_deletion
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

__all__ = [
    "PROVIDERS",
    "BulkdelError",
    "ConfigError",
    "Counts",
    "Deletion",
    "Lane",
    "LogBusyError",
    "Outcome",
    "Provider",
    "Result",
    "ResultLogError",
    "SourceError",
    "State",
    "Summary",
    "delete_ids",
    "open_deletion",
]
