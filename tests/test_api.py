"""The library takes what its documentation names, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import bulkdel
from bulkdel import api
from bulkdel.settings import RunSettings

ARK = bulkdel.PROVIDERS["ark"]


def test_every_option_that_is_named_is_taken() -> None:
    """The type that callers see and the object that is used are two lists of the same names."""
    taken = {each.name for each in dataclasses.fields(api._Given)}

    assert taken == set(api.Options.__annotations__)


def test_what_is_not_given_is_the_default_of_the_run() -> None:
    """A default that the library had to itself would be another one than the command's."""
    given, settings = api._Given(), RunSettings(lanes=[bulkdel.Lane(provider=ARK, api_key="key")])
    common = {each.name for each in dataclasses.fields(given)} & {
        each.name for each in dataclasses.fields(settings)
    }

    assert len(common) >= 8
    assert {name: getattr(given, name) for name in common} == {
        name: getattr(settings, name) for name in common
    }


async def _no_ids() -> Any:
    raise AssertionError("an ID was asked for")
    yield


@pytest.mark.anyio
async def test_an_unknown_option_is_refused() -> None:
    """``max_deletes=10`` that is ignored deletes everything."""
    wrong: Any = {"max_deletes": 10}

    with pytest.raises(TypeError, match="max_deletes"):
        await bulkdel.delete_ids(_no_ids(), provider="ark", api_key="key", **wrong)
