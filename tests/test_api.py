"""The library takes what its documentation names, and nothing else."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import pytest

import bulkdel
from bulkdel import api, options
from bulkdel.emulator import AccountSettings, make_ids
from bulkdel.models import Answer
from bulkdel.settings import RunSettings
from tests.support.command import emulated
from tests.support.engine_fakes import FakeTransport, deleted, edge, in_virtual_time
from tests.support.lane_job import ids, lane

ARK = bulkdel.PROVIDERS["ark"]


def test_every_option_that_is_named_is_taken() -> None:
    """The type that callers see and the object that is used are two lists of the same names."""
    taken = {each.name for each in dataclasses.fields(options.Given)}

    assert taken == set(options.Options.__annotations__)


def test_what_is_not_given_is_the_default_of_the_run() -> None:
    """A default that the library had to itself would be another one than the command's."""
    given, settings = (
        options.Given(),
        RunSettings(lanes=[bulkdel.Lane(provider=ARK, api_key="key")]),
    )
    common = {each.name for each in dataclasses.fields(given) if each.name != "lanes"} & {
        each.name for each in dataclasses.fields(settings)
    }

    assert len(common) >= 8
    assert {name: getattr(given, name) for name in common} == {
        name: getattr(settings, name) for name in common
    }


@pytest.fixture
def anyio_backend() -> str:
    """Run the tests here on asyncio, as the library needs it."""
    return "asyncio"


async def _no_ids() -> Any:
    raise AssertionError("an ID was asked for")
    yield


ACCOUNT: dict[str, Any] = {"provider": "ark", "api_key": "secret-key-0123456789"}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"max_deletes": 10}, "no option 'max_deletes'; did you mean max_delete?"),
    ({"rate": 10}, "rate is a setting of a lane: give lane=bulkdel.Lane("),
    ({"base_url": "https://host/v1"}, "base_url is a setting of a lane"),
    ({"timeout": 3}, "did you mean timeout_s?"),
    ({"provider": ARK}, 'provider takes a name, as provider="ark"'),
    ({"provider": None}, "provider must be a name, not NoneType"),
    ({"api_key": b"secret-key-0123456789"}, "api_key must be a text, not bytes"),
    ({"lane": "ark"}, "lane must be a bulkdel.Lane, not str"),
    ({"lanes": ["ark"]}, "lanes must be a list of bulkdel.Lane objects; one is str"),
    ({"lanes": "ark"}, "lanes must be a list of bulkdel.Lane objects, not str"),
    ({"log": 5}, "log must be a path, not int"),
    ({"done_logs": "old.jsonl"}, "done_logs must be a list of paths, not str"),
    ({"done_logs": [5]}, "done_logs must be a list of paths; one is int"),
    ({"max_delete": True}, "max_delete must be a whole number, not bool"),
    ({"max_delete": 2.5}, "max_delete must be a whole number, not float"),
    ({"max_failures": 0.02}, 'or a share like "2%", not float'),
    ({"retry_failed": "no"}, "retry_failed must be True or False, not str"),
    ({"outage_limit_s": "10"}, "outage_limit_s must be a number of seconds, not str"),
    ({"durability": "sometimes"}, "durability must be full, normal or off"),
    ({"lane": bulkdel.Lane(provider=ARK, api_key="key")}, "give one of these: lane, lanes, or"),
]


async def _open(**given: Any) -> None:
    async with bulkdel.open_deletion(_no_ids(), **given):
        raise AssertionError("entered")


async def _delete_ids(**given: Any) -> None:
    await bulkdel.delete_ids(_no_ids(), **given)


@pytest.mark.anyio
@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("call", [_open, _delete_ids])
async def test_a_wrong_option_says_what_to_give(
    wrong: dict[str, Any], words: str, call: Callable[..., Awaitable[None]]
) -> None:
    """``max_deletes=10`` that is ignored deletes everything. A key is never shown."""
    with pytest.raises(bulkdel.ConfigError, match=re.escape(words)) as raised:
        await call(**(ACCOUNT | wrong))

    assert "0123456789" not in str(raised.value)


@in_virtual_time
async def test_none_is_not_given() -> None:
    """Callers pass on what they were given themselves: no log is None, no limit too."""
    nothing: dict[str, Any] = dict.fromkeys(("log", "lanes", "max_delete", "max_duration_s"))

    summary = await bulkdel.delete_ids(
        ids(5), lane=lane(), edge=edge(FakeTransport(_delete)), **nothing
    )

    assert summary.counts.deleted == 5


def test_every_option_has_its_type() -> None:
    """One without would be a KeyError for whoever gives it."""
    assert set(options._TYPES) == set(options.Options.__annotations__)


def test_another_event_loop_is_refused_at_once() -> None:
    """Aiohttp would fail with an assertion, after the log has been made."""

    async def main() -> None:
        await bulkdel.delete_ids(_no_ids(), **ACCOUNT)

    with pytest.raises(bulkdel.ConfigError, match="not on trio"):
        anyio.run(main, backend="trio")


@in_virtual_time
async def test_a_wrong_log_is_raised_on_entering(tmp_path: Path) -> None:
    """Whoever has entered takes it that the deletion goes on."""
    log = tmp_path / "log.jsonl"
    log.write_text("no log of ours\n")

    with pytest.raises(bulkdel.ConfigError, match="log"):
        async with bulkdel.open_deletion(
            _no_ids(), lane=lane(), log=log, edge=edge(FakeTransport(_delete))
        ):
            raise AssertionError("entered")

    assert log.read_text() == "no log of ours\n"


def _delete(object_id: str, _requests: int) -> Answer:
    return deleted(object_id)


@in_virtual_time
async def test_several_lanes_have_their_own_ids() -> None:
    """Two accounts in one run and one log; each ID goes to its own."""
    lanes = [lane(name="openai-a"), lane(name="openai-b")]
    of_lane = {"openai-a": ids(30), "openai-b": ids(20, first=100)}
    results: list[bulkdel.Result] = []

    summary = await bulkdel.delete_ids(
        of_lane, lanes=lanes, on_result=results.append, edge=edge(FakeTransport(_delete))
    )

    assert summary.counts.deleted == 50
    assert {(each.lane, each.object_id) for each in results} == {
        (name, object_id) for name, some in of_lane.items() for object_id in some
    }


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", [["resp_1"], {"ark": ["resp_1"], "openai": []}, {}])
async def test_ids_that_do_not_fit_the_lanes_are_refused(wrong: Any) -> None:
    """The IDs of one account must not be asked for at another."""
    with pytest.raises(bulkdel.ConfigError, match=r"from the name of each lane .*\(lanes: ark\)"):
        await bulkdel.delete_ids(wrong, lanes=[bulkdel.Lane(provider=ARK, api_key="key")])


@pytest.mark.anyio
async def test_a_mapping_without_lanes_is_refused() -> None:
    """Its keys, the names of lanes, would be taken for IDs."""
    with pytest.raises(bulkdel.ConfigError, match=r"give list\(ids\)"):
        await bulkdel.delete_ids({"ark": ["resp_1"]}, **ACCOUNT)


@in_virtual_time
async def test_a_deletion_can_be_looked_at_while_it_runs() -> None:
    """Counts, rate and pauses, as the progress bar has them."""
    async with bulkdel.open_deletion(
        ids(500), lane=lane(), edge=edge(FakeTransport(_delete))
    ) as deletion:
        seen = [deletion.snapshot()["openai"].counts.deleted async for _ in deletion]

    assert deletion.snapshot()["openai"].ended
    assert seen == sorted(seen)
    assert seen[0] < 100 < seen[-1] == 500


def test_the_version_is_there() -> None:
    """As programs ask for it."""
    assert bulkdel.__version__ == version("bulkdel")


def _examples() -> list[str]:
    """Return the programs of the docstrings and the README's chapter: what is indented in them."""
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8").partition("## Library")[2]
    texts = [bulkdel.__doc__ or "", api.__doc__ or "", readme]
    return ["\n".join(re.findall(r"(?m)^    (.*)|^$", text)) for text in texts]


@pytest.mark.parametrize("number", range(3))
def test_the_examples_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied into a program as they stand, they delete. Only where the API is, is another place."""
    monkeypatch.chdir(tmp_path)
    accounts = {
        name: AccountSettings(ids=make_ids(name, 20), key="test-key") for name in ("ark", "openai")
    }
    with emulated(**accounts) as emulator:
        here = {
            name: replace(bulkdel.PROVIDERS[name], base_url=emulator.base_url(name))
            for name in accounts
        }
        monkeypatch.setattr(bulkdel, "PROVIDERS", here)
        monkeypatch.setattr("bulkdel.providers.PROVIDERS", here)
        given = {
            "ids": emulator.present("ark"),
            "ids_of_lane": {name: emulator.present(name) for name in accounts},
            "key": "test-key",
            "keys": dict.fromkeys(accounts, "test-key"),
            "bulkdel": bulkdel,
        }
        body = textwrap.indent(_examples()[number], "    ")
        exec(f"async def main():\n{body}\n    return summary", given)
        main: Any = given["main"]
        summary: bulkdel.Summary = anyio.run(main)

    assert summary.counts.deleted + summary.counts.skipped >= 20
