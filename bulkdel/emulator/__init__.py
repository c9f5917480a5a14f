"""The providers on loopback: what demos, tests and first steps run against.

    async with serve(EmulatorSettings(accounts={"ark": AccountSettings(ids=ids)})) as emulator:
        ...  # delete at emulator.base_url("ark") with the key "test-key"
        emulator.stats()["totals"]["present"]

    server       requests in, answers out; misbehave cuts and stalls them
    account      one account: key, limit, fault, deletion; store has its objects
    settings     what is served: `limits` and `faults`
    dialects     how a provider talks: ark, fireworks, litellm, openai have the tables; objects has
                 those of files and all else that is not a response, paging lists them
    ids          made-up IDs
    confirming   another server, which confirms everything: to measure clients against

Nothing here is used when real objects are deleted.
"""

from bulkdel.emulator.faults import Fault, FaultRule
from bulkdel.emulator.ids import make_ids
from bulkdel.emulator.limits import Changing, FixedWindow, Limit, TokenBucket
from bulkdel.emulator.objects import PARENT
from bulkdel.emulator.server import Emulator, serve
from bulkdel.emulator.settings import DIALECTS, AccountSettings, EmulatorSettings, RetryAfter

PROVIDERS = tuple(DIALECTS)
"""Names of the providers that can be emulated."""

__all__ = [
    "DIALECTS",
    "PARENT",
    "PROVIDERS",
    "AccountSettings",
    "Changing",
    "Emulator",
    "EmulatorSettings",
    "Fault",
    "FaultRule",
    "FixedWindow",
    "Limit",
    "RetryAfter",
    "TokenBucket",
    "make_ids",
    "serve",
]
