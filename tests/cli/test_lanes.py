"""Arguments, flags and the environment become lanes and sources, or one clear error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
import pytest

from bulkdel.cli import cli
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.lane_values import PerLane
from bulkdel.cli.lanes import make_lanes, make_sources
from bulkdel.errors import ConfigError
from bulkdel.settings import Lane
from bulkdel.sources import Source

KEYS = {"ARK_API_KEY": "key-ark", "FIREWORKS_API_KEY": "key-fireworks"}

DELETE = cli.commands["delete"]


def told(*words: str) -> DeleteOptions:
    """Return the options that the command makes of its arguments."""
    return DeleteOptions(**DELETE.make_context("delete", list(words)).params)


def sources_of(
    *arguments: str, provider: str | None = None, lane_field: str | None = None
) -> list[Source]:
    """Return the sources of arguments."""
    return make_sources(
        DeleteOptions(sources=arguments, provider=provider, provider_field=lane_field)
    )


@dataclass
class Given:
    """What is given on the command line, and the lanes that it makes."""

    arguments: Sequence[str] = ("ids.txt",)
    provider: str | None = "ark"
    lane_field: str | None = None
    flags: Sequence[str] = ()
    environ: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    dry_run: bool = False

    def lanes(self) -> dict[str, Lane]:
        """Return the lanes by name."""
        options = replace(
            told(*self.arguments, *self.flags),
            provider=self.provider,
            provider_field=self.lane_field,
            dry_run=self.dry_run,
        )
        made = make_lanes(make_sources(options), options, environ=self.environ)
        return {lane.name: lane for lane in made}

    def refusal(self) -> str:
        """Return the message with which it is refused."""
        with pytest.raises((ConfigError, click.UsageError)) as refused:
            self.lanes()
        if isinstance(refused.value, click.UsageError):
            return refused.value.format_message()
        return str(refused.value)


def test_a_source_belongs_to_the_lane_that_is_named_for_it() -> None:
    """An ID at the wrong provider is asked for in vain, or is somebody else's."""
    sources = sources_of("ids.txt", "fireworks=b.csv", "ark-eu=c.txt", provider="ark")

    assert [(source.lane, source.name) for source in sources] == [
        ("ark", "ids.txt"),
        ("fireworks", "b.csv"),
        ("ark-eu", "c.txt"),
    ]


def test_a_file_with_an_equals_sign_in_its_name_can_be_given(tmp_path: Path) -> None:
    """Exports are named like ``day=1.txt``."""
    name = str(tmp_path / "day=1.txt")
    Path(name).write_text("")

    assert [source.name for source in sources_of(name, provider="ark")] == [name]
    assert [source.name for source in sources_of(f"ark={name}")] == [name]


@pytest.mark.parametrize(
    ("arguments", "provider", "words"),
    [
        ([], "ark", "no SOURCE"),
        (["ids.txt"], None, "-p NAME or NAME=ids.txt"),
        (["firewroks=a.txt"], "ark", "did you mean fireworks=a.txt"),
        (["ark:filez=a.txt"], "ark", "no resource 'filez' at the provider 'ark'"),
        (["ids.txt"], "ark:filez", "no resource 'filez'.*known are: ark:responses"),
        (["-", "-"], "ark", "once"),
        (["ids.txt"], "aws", "aws"),
        (["-", "ark=-"], "ark", "once"),
    ],
)
def test_unclear_sources_are_refused(
    arguments: list[str], provider: str | None, words: str
) -> None:
    """Guessing whose IDs are meant could delete the wrong ones."""
    with pytest.raises(ConfigError, match=words):
        sources_of(*arguments, provider=provider)


def test_lanes_have_the_keys_of_their_providers() -> None:
    """A key goes to its own provider alone."""
    lanes = Given(["ids.txt", "fireworks=b.txt"]).lanes()

    assert {name: lane.api_key for name, lane in lanes.items()} == {
        "ark": "key-ark",
        "fireworks": "key-fireworks",
    }


def test_two_accounts_of_one_provider_have_their_own_settings() -> None:
    """``LANE=value`` counts for that lane alone, and before a value for all."""
    flags = [
        "--base-url",
        "ark-eu=https://eu.example/v3",
        "--api-key-env",
        "ark-eu=EU_KEY",
        "--concurrency",
        "64",
        "--concurrency",
        "ark-eu=8",
        "--rate",
        "ark-eu=5",
        "--rate",
        "auto",
        "--rate-max",
        "100",
        "--rate-max",
        "ark=none",
    ]
    environ = {**KEYS, "EU_KEY": "key-eu"}

    lanes = Given(["a.txt", "ark-eu=b.txt"], flags=flags, environ=environ).lanes()

    ark, ark_eu = lanes["ark"], lanes["ark-eu"]
    assert (ark.api_key, ark_eu.api_key) == ("key-ark", "key-eu")
    assert ark.base_url == "https://ark.cn-beijing.volces.com/api/v3"
    assert ark_eu.base_url == "https://eu.example/v3"
    assert (ark.concurrency, ark_eu.concurrency) == (64, 8)
    assert (ark.rate, ark_eu.rate) == (None, 5.0)
    assert (ark.rate_max, ark_eu.rate_max) == (None, 100.0)


def test_defaults_are_the_documented_ones() -> None:
    """What is not given is the provider's own, at its documented limit."""
    lane = Given().lanes()["ark"]

    assert (lane.concurrency, lane.rate, lane.ceiling) == (128, None, 20.0)
    assert (lane.attempts_max, lane.timeout_s) == (5, 30.0)


def test_rows_that_name_their_lane_may_name_every_lane_that_has_a_key() -> None:
    """And only these: without a key nothing can be sent there."""
    given = Given(["rows.jsonl"], provider=None, lane_field="provider")

    assert set(given.lanes()) == {"ark", "fireworks"}
    given.flags = ["--api-key-env", "ark-eu=ARK_API_KEY"]
    assert set(given.lanes()) == {"ark", "fireworks", "ark-eu"}
    given.dry_run = True
    given.environ = {}
    assert "openai" in given.lanes()


@pytest.mark.parametrize(
    ("flag", "value"), [("--base-url", "https://proxy.example/v1"), ("--api-key-env", "MY_KEY")]
)
def test_what_several_providers_share_is_no_host_and_no_key(flag: str, value: str) -> None:
    """One base URL for all would send each provider's key to the same host."""
    given = Given(["ark=a.txt", "fireworks=b.txt"], None, flags=[flag, value])

    assert flag in given.refusal()
    assert "ark, fireworks" in given.refusal()


def test_rows_that_name_their_lane_share_no_host_either() -> None:
    """The lanes are those that have a key, whatever the rows name."""
    flags = ["--base-url", "https://proxy.example/v1"]

    refusal = Given(["rows.jsonl"], None, "provider", flags=flags).refusal()

    assert "--base-url for all lanes" in refusal


def test_a_host_may_be_shared_by_accounts_of_one_provider_and_named_for_each_lane() -> None:
    """Two accounts behind one proxy; and whoever names a host for a lane means it."""
    url = "https://proxy.example/v1"
    environ = {**KEYS, "EU_KEY": "key-eu"}
    eu = ["--base-url", url, "--api-key-env", "ark-eu=EU_KEY"]
    each = ["--base-url", f"ark={url}", "--base-url", f"fireworks={url}"]
    rest = ["--base-url", url, "--base-url", "ark=https://own.example/v3"]

    accounts = Given(["a.txt", "ark-eu=b.txt"], flags=eu, environ=environ).lanes()

    assert [lane.base_url for lane in accounts.values()] == [url, url]
    for flags in (each, rest):
        assert Given(["ark=a.txt", "fireworks=b.txt"], None, flags=flags).lanes()["fireworks"]


def test_the_host_of_another_provider_gets_no_key_that_was_not_named_for_it() -> None:
    """A base URL that is pasted from the wrong page would hand over the key."""
    url = "https://API.fireworks.ai/inference/v1"
    given = Given(flags=["--base-url", url])

    assert "use the lane fireworks" in given.refusal()
    given.flags = [*given.flags, "--api-key-env", "FIREWORKS_API_KEY"]
    assert given.lanes()["ark"].api_key == "key-fireworks"


@pytest.mark.parametrize(("flag", "value"), [("-p", "ark"), ("--provider-field", "lane")])
def test_a_lane_for_sources_that_all_have_their_own_is_refused(flag: str, value: str) -> None:
    """Whoever gives it counts on it; without a word it would have no effect."""
    provider, lane_field = (value, None) if flag == "-p" else (None, value)
    given = Given(["ark=a.txt", "fireworks=b.txt"], provider, lane_field)

    assert f"{flag} {value} has no effect" in given.refusal()
    given.arguments = ["ark=a.txt", "c.jsonl"]
    assert given.lanes()


@pytest.mark.parametrize("flags", ["--rate 5 --rate-max 9", "--rate ark=5 --rate-max ark=9"])
def test_a_ceiling_beside_an_exact_rate_is_refused(flags: str) -> None:
    """Only one of them can count."""
    assert "--rate-max has no effect" in Given(flags=flags.split()).refusal()


def test_a_ceiling_for_all_lanes_may_stand_beside_the_rate_of_one() -> None:
    """It counts for the others."""
    flags = ["--rate", "ark=5", "--rate-max", "9"]

    lanes = Given(["a.txt", "ark-eu=b.txt"], flags=flags).lanes()

    assert (lanes["ark"].rate, lanes["ark-eu"].rate_max) == (5, 9)


def test_a_dry_run_needs_no_key() -> None:
    """Looking must be possible for whoever does not hold the key."""
    assert set(Given(environ={}, dry_run=True).lanes()) == {"ark"}


def test_a_key_may_end_in_a_newline() -> None:
    """``$(cat key.txt)`` strips it, but a secret that is mounted as a variable does not."""
    assert Given(environ={"ARK_API_KEY": "key-ark\n"}).lanes()["ark"].api_key == "key-ark"


def test_the_last_value_for_a_lane_counts() -> None:
    """Whoever adds a flag to a command of yesterday means it, for one lane as for all."""
    flags = ["--rate", "ark=50", "--rate", "40", "--rate", "ark=5", "--rate", "4"]

    lanes = Given(["a.txt", "ark-eu=b.txt"], flags=flags).lanes()

    assert (lanes["ark"].rate, lanes["ark-eu"].rate) == (5, 4)


def test_an_equals_sign_belongs_to_the_value_unless_a_lane_stands_before_it() -> None:
    """A URL has its own."""
    lane = Given(flags=["--base-url", "https://a.example/x=1"]).lanes()["ark"]

    assert lane.base_url == "https://a.example/x=1"


@pytest.mark.parametrize(
    ("flags", "environ", "words"),
    [
        ("", {}, r"no key: set ARK_API_KEY.*--api-key-env"),
        ("--api-key-env MY_KEY", KEYS, "MY_KEY"),
        ("--concurrency many", KEYS, "'--concurrency': must be a whole number, not 'many'"),
        ("--concurrency ark=8.5", KEYS, "'--concurrency': must be a whole number, not '8.5'"),
        ("--concurrency=", KEYS, "'--concurrency': must be a whole number, not ''"),
        ("--concurrency 0", KEYS, "concurrency must be 1"),
        ("--concurrency 100000", KEYS, "not 100000"),
        ("--rate fast", KEYS, "'--rate': must be a number or 'auto', not 'fast'"),
        ("--rate ark=none", KEYS, "'--rate': must be a number or 'auto', not 'none'"),
        ("--rate=", KEYS, "'--rate': must be a number or 'auto', not ''"),
        ("--rate nan", KEYS, "rate must be"),
        ("--rate -1", KEYS, "rate must be"),
        ("--rate-max unlimited", KEYS, "'--rate-max': must be a number or 'none'"),
        ("--rate-max -1", KEYS, "rate-max must be"),
        ("--rate-max nan", KEYS, "rate-max must be"),
        ("--attempts 0", KEYS, "attempts must be 1"),
        ("--timeout 0", KEYS, "timeout must be"),
        ("--base-url ftp://a/b", KEYS, "https://host/path"),
        ("--base-url http://a.example/b", KEYS, "in the clear"),
        ("--base-url https://a/b?c=d", KEYS, r"'\?'"),
        ("--base-url https://a/b/../c", KEYS, r"'\.\.'"),
    ],
)
def test_wrong_settings_are_refused_with_their_name(
    flags: str, environ: dict[str, str], words: str
) -> None:
    """The message names the flag, its value and what it may be."""
    message = Given(flags=flags.split(), environ=dict(environ)).refusal()

    assert re.search(words, message), message
    assert "key-ark" not in message


VALUES = {"--api-key-env": "NAME", "--leave": "5%", "--header": "X-Team: 5", "--param": "a_id=5"}
LANE_FLAGS = [p.opts[-1] for p in DELETE.params if isinstance(p.type, PerLane)]


@pytest.mark.parametrize("flag", LANE_FLAGS)
@pytest.mark.parametrize("lane", ["fireworks", "ark-eu", "ark:filez"])
def test_a_setting_for_a_lane_that_there_is_not_is_refused(flag: str, lane: str) -> None:
    """It would else be forgotten in silence, and the lane go at full speed."""
    message = Given(flags=[flag, f"{lane}={VALUES.get(flag, '5')}"]).refusal()

    assert flag in message
    assert repr(lane.partition(":")[2] or lane) in message


def test_a_mistyped_lane_is_refused() -> None:
    """``--rate arc=5`` names no lane, and is no number."""
    assert "arc=5" in Given(flags=["--rate", "arc=5"]).refusal()


FLAGS = {
    name: option
    for option in DELETE.params
    if isinstance(option, click.Option)
    for name in option.opts
    if name.startswith("--")
}


@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_every_flag_can_be_set_in_the_environment(
    flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``BULKDEL_DELETE_<FLAG>`` is promised for every flag, by the name that is typed."""
    name = "BULKDEL_DELETE_" + flag.removeprefix("--").replace("-", "_").upper()
    monkeypatch.setenv(name, "1")
    group = click.Context(cli, info_name="bulkdel", auto_envvar_prefix="BULKDEL")
    context = click.Context(DELETE, parent=group, info_name="delete")

    assert FLAGS[flag].value_from_envvar(context) in ("1", True, ("1",), ["1"])


def test_headers_add_up_and_a_lanes_own_counts() -> None:
    """A project or a gateway is named by a header, not by the key."""
    flags = ["--header", "X-Gate: all", "--header", "ark=x-gate: eu", "--header", "X-Team: a: b=c"]

    lanes = Given(("ark=a.txt", "fireworks=b.txt"), None, flags=flags).lanes()

    assert lanes["ark"].headers == {"x-gate": "eu", "X-Team": "a: b=c"}
    assert lanes["fireworks"].headers == {"X-Gate": "all", "X-Team": "a: b=c"}
    assert "b=c" not in repr(lanes["ark"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("X-Secret", "must be a header"),
        ("X-Secret:", "must be a header"),
        ("Authorization: Bearer hush", "sends this one itself"),
        ("host: evil.test", "sends this one itself"),
        ("Transfer-Encoding: chunked", "sends this one itself"),
        ("X-Secret: hush\r\nX-Other: 1", "printable ASCII"),
        ("X-Secret: hüsh", "printable ASCII"),
        ("X Secret: hush", "letters, digits"),
        ("fireworks=X-Secret: hush", "no lane 'fireworks'"),
    ],
)
def test_a_header_that_would_lie_is_refused_and_not_shown(text: str, why: str) -> None:
    """It could send the key elsewhere, or end the request before its end."""
    refusal = Given(flags=["--header", text]).refusal()

    assert why in refusal
    assert "hush" not in refusal
