"""Operations, resources, and the names of lanes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from bulkdel import delete_ids
from bulkdel.errors import ConfigError
from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.object_id import STRICT
from bulkdel.providers import PROVIDERS, Operation, Resource, find, get
from bulkdel.providers.base import by_name
from bulkdel.settings import Lane


def _judge(object_id: str, answer: Answer) -> Verdict:
    return Verdict(Meaning.DELETED, code=object_id, message=str(answer.status))


def operation(path: str) -> Operation:
    """Return a deletion at ``path``."""
    return Operation(method="DELETE", path=path, judge=_judge)


def test_the_id_is_the_only_place_of_a_path() -> None:
    """What is left in braces would name another object, or none, a million times."""
    assert operation("/a/{id}/b").url("https://host/v1/", "x|y") == "https://host/v1/a/x%7Cy/b"
    for path in ("/files", "/stores/{store}/files/{id}", "/files/{id}/{id}", "/files/{id"):
        with pytest.raises(ValueError, match="only place"):
            operation(path).url("https://host/v1", "resp_1")


@pytest.mark.parametrize(
    ("lane", "provider", "resource"),
    [
        ("ark", "ark", "responses"),
        ("ark-eu", "ark", "responses"),
        ("ark:responses", "ark", "responses"),
        ("ark:responses-eu-2", "ark", "responses"),
    ],
)
def test_a_lanes_name_says_provider_and_resource(lane: str, provider: str, resource: str) -> None:
    """A bare provider means its responses, as it always did."""
    found, kind = find(lane)

    assert (found.name, kind.name) == (provider, resource)


@pytest.mark.parametrize(
    ("lane", "words"),
    [
        ("ark:response", r"'response' at the provider 'ark'.*ark:responses.*Did you mean"),
        ("ark:", r"no resource ''"),
        ("ark:responses:eu", "no resource"),
        ("ark-eu:responses", "no provider 'ark-eu'"),
        ("aws", "no provider 'aws'"),
        ("aws-eu:responses", "known are: ark"),
        ("", "known are: ark"),
    ],
)
def test_a_wrong_name_is_told_what_there_is(lane: str, words: str) -> None:
    """Guessing what was meant could delete the wrong kind of object."""
    with pytest.raises(ConfigError, match=words):
        find(lane)


THINGS = Resource(
    name="things",
    id_form=replace(STRICT, prefixes=("thing_",)),
    docs_url="https://provider.test/docs",
    delete=operation("/things/{id}"),
)


def test_a_lane_is_named_after_its_resource() -> None:
    """Two resources of one provider are two lanes in one log."""
    provider = replace(get("ark"), resources=by_name(get("ark").resource(), THINGS))

    assert Lane(provider=provider, api_key="k").name == "ark"
    lane = Lane(provider=provider, api_key="k", resource_name="things")
    assert (lane.name, lane.title, lane.resource) == ("ark:things", "Volcengine Ark things", THINGS)
    with pytest.raises(ConfigError, match=r"no resource 'thing'.*ark:things"):
        Lane(provider=provider, api_key="k", resource_name="thing")
    with pytest.raises(ConfigError, match="lane name 'a:b:c'"):
        Lane(provider=provider, api_key="k", name="a:b:c")


def test_a_log_of_another_resource_is_not_resumed(tmp_path: Path) -> None:
    """An ID that is done as a response is not done as a file."""
    provider = replace(get("ark"), resources=by_name(get("ark").resource(), THINGS))
    log = tmp_path / "log.jsonl"

    async def run(resource_name: str) -> None:
        lane = Lane(provider=provider, api_key="k", resource_name=resource_name, name="mine")
        await delete_ids([], lane=lane, log=log)

    anyio.run(run, "responses")
    with pytest.raises(ConfigError, match=r"'mine' is ark at .*, this run's is ark:things at"):
        anyio.run(run, "things")


def test_every_resource_has_a_path_that_can_be_opened() -> None:
    """A template with a second place would stop a run at its first ID."""
    for provider in PROVIDERS.values():
        for resource in provider.resources.values():
            whose = dict.fromkeys(resource.params, "parent_1")
            for each in (resource.at(whose).delete, resource.at(whose).get):
                assert each is None or each.url(provider.base_url, "x").endswith("/x")


def test_a_parent_is_one_segment_of_a_path_and_must_be_said() -> None:
    """Else a deletion could reach another collection, or every parent's."""
    resource = PROVIDERS["openai"].resource("vector_store_files")
    listing = resource.listing
    assert listing is not None

    filled = resource.at({"vector_store_id": "vs_1:a"})

    assert resource.params == ("vector_store_id",)
    assert filled.delete.path == "/vector_stores/vs_1%3Aa/files/{id}"
    assert filled.get is not None
    assert filled.get.path == filled.delete.path
    assert filled.listing == replace(listing, path="/vector_stores/vs_1%3Aa/files")
    assert filled.params == ()
    braces = resource.at({"vector_store_id": "{id}"}).delete
    assert braces.url("https://a", "x") == "https://a/vector_stores/%7Bid%7D/files/x"
    for wrong in (
        {},
        {"vector_store_id": ""},
        {"vector_store_id": "vs/1"},
        {"vector_store_id": ".."},
        {"vector_store_id": "vs 1"},
        {"vector_store_id": "vs_1", "other": "x"},
    ):
        with pytest.raises(ValueError, match="param"):
            resource.at(wrong)
    with pytest.raises(ValueError, match="no param 'id'"):
        PROVIDERS["openai"].resource("files").at({"id": "file-1"})
