"""Turn arguments and the environment into lanes and sources.

A lane is called ``PROVIDER[:RESOURCE][-LABEL]``: by its provider (``ark``) where responses are
meant, with another resource of it (``openai:files``), with a label for a second account
(``ark-eu``). Settings of lanes are given for all of them, or with ``LANE=`` for one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from bulkdel.errors import ConfigError
from bulkdel.providers import PROVIDERS, find
from bulkdel.settings import Lane
from bulkdel.sources import STDIN, Source

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch

DRY_RUN_KEY = "dry-run"
"""Stands for the key where nothing is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneOptions:
    """The lane settings as they were typed: each may hold values for all and for one lane."""

    base_url: Sequence[str]
    api_key_env: Sequence[str]
    concurrency: Sequence[str]
    rate: Sequence[str]
    rate_max: Sequence[str]
    attempts: int
    timeout: float
    allow_http: bool
    any_id: bool


def is_lane(name: str) -> bool:
    """Say whether this is a lane's name."""
    try:
        find(name)
    except ConfigError:
        return False
    return True


def make_sources(
    arguments: Sequence[str],
    *,
    provider: str | None,
    format: str | None,  # noqa: A002 - the flag's name
    id_field: str,
    provider_field: str | None,
) -> list[Source]:
    """Return the sources that the arguments name.

    Raises:
        ConfigError: One has no lane, or stdin is named twice.
    """
    if not arguments:
        raise ConfigError(
            "no SOURCE given: name a file of IDs, or - to read stdin (see bulkdel delete --help)"
        )
    default = _default_lane(provider)
    sources = []
    for argument in arguments:
        lane, name = _split_source(argument)
        if lane is None and provider_field is None:
            if default is None:
                known = ", ".join(PROVIDERS)
                raise ConfigError(
                    f"source {name}: say which provider its IDs are at: -p NAME or NAME={name}"
                    f" (known: {known})"
                )
            lane = default
        sources.append(
            Source(
                name=name,
                lane=lane,
                format=format,
                id_field=id_field,
                provider_field=None if lane is not None else provider_field,
            )
        )
    if sum(source.name == STDIN for source in sources) > 1:
        raise ConfigError("stdin (-) can be read once only")
    return sources


def _default_lane(provider: str | None) -> str | None:
    if provider is not None:
        find(provider)  # says which there are
    return provider


def _split_source(argument: str) -> tuple[str | None, str]:
    """Split ``LANE=FILE``; a file whose name has ``=`` in it stays whole."""
    lane, equals, name = argument.partition("=")
    if equals and name and is_lane(lane):
        return lane, name
    if equals and not os.path.lexists(argument):
        if lane.partition(":")[0] in PROVIDERS:
            find(lane)  # says which resources there are
        close = get_close_matches(lane, PROVIDERS, n=1)
        hint = f"; did you mean {close[0]}={name}?" if close else ""
        raise ConfigError(f"source {argument}: there is no such file and no lane {lane!r}{hint}")
    return None, argument


def make_lanes(
    sources: Iterable[Source],
    options: LaneOptions,
    *,
    provider: str | None,
    environ: Mapping[str, str],
    dry_run: bool,
) -> list[Lane]:
    """Return the lanes that the sources need, with keys from the environment.

    A source whose rows name their lane needs every lane whose key is set; ``-p`` adds one.

    Raises:
        ConfigError: A key is missing or a setting is wrong.
    """
    names = dict.fromkeys(source.lane for source in sources if source.lane is not None)
    if any(source.lane is None for source in sources):
        given = [value.partition("=")[0] for value in options.api_key_env if "=" in value]
        names.update(dict.fromkeys(given))
        names.update(
            dict.fromkeys(
                name for name, known in PROVIDERS.items() if dry_run or environ.get(known.key_env)
            )
        )
        if provider is not None:
            names[provider] = None
    if not names:
        raise ConfigError(
            "no lane has a key: set one of "
            + ", ".join(provider.key_env for provider in PROVIDERS.values())
        )
    known = list(names)
    _check_lanes_of_settings(known, options)
    return [_make_lane(name, known, options, environ, dry_run=dry_run) for name in known]


def _check_lanes_of_settings(names: Sequence[str], options: LaneOptions) -> None:
    """Refuse a setting for a lane that is not in the run: it would be lost in silence."""
    for flag in ("base_url", "api_key_env", "concurrency", "rate", "rate_max"):
        for value in getattr(options, flag):
            lane, equals, _ = value.partition("=")
            if not equals or lane in names:
                continue
            if lane.partition(":")[0] in PROVIDERS:
                find(lane)  # says which resources there are
            if is_lane(lane):
                raise ConfigError(
                    f"--{flag.replace('_', '-')} {lane}=…: there is no lane {lane!r} in this run"
                    f" (lanes: {', '.join(names)})"
                )


def _make_lane(
    name: str,
    names: Sequence[str],
    options: LaneOptions,
    environ: Mapping[str, str],
    *,
    dry_run: bool,
) -> Lane:
    provider, resource = find(name)
    key_env = _value_for(name, names, options.api_key_env) or provider.key_env
    if not _VARIABLE(key_env):  # perhaps the key itself: it must not be shown
        raise ConfigError(f"lane {name}: --api-key-env takes the name of a variable, not the key")
    key = environ.get(key_env, "").strip()
    if dry_run and not key:
        key = DRY_RUN_KEY
    if not key:
        # In lower case it may be the key itself, given in the wrong place: never show it.
        shown = key_env if key_env.isupper() else "the variable named by --api-key-env"
        raise ConfigError(
            f"lane {name}: no key: set {shown} in the environment, or name another variable"
            " with --api-key-env"
        )
    rate = _value_for(name, names, options.rate) or "auto"
    rate_max = _value_for(name, names, options.rate_max)
    return Lane(
        provider=provider,
        resource_name=resource.name,
        name=name,
        api_key=key,
        base_url=_value_for(name, names, options.base_url) or "",
        allow_http=options.allow_http,
        concurrency=_whole("concurrency", _value_for(name, names, options.concurrency) or "128"),
        rate=None if rate == "auto" else _number("rate", rate, "auto"),
        rate_max=_rate_max(rate_max),
        attempts_max=options.attempts,
        timeout_s=options.timeout,
        any_id=options.any_id,
    )


def _rate_max(text: str | None) -> float | Literal["documented"] | None:
    if text is None:
        return "documented"
    if text == "none":
        return None
    rate = _number("rate-max", text, "none")
    if rate <= 0:
        raise ConfigError(f"rate-max must be more than 0, not {text}")
    return rate


def _value_for(name: str, names: Sequence[str], values: Sequence[str]) -> str | None:
    """Return the value for one lane: ``LANE=value`` before one without a lane."""
    general = None
    for value in values:
        lane, equals, rest = value.partition("=")
        if equals and lane == name:
            return rest
        if not (equals and (lane in names or is_lane(lane))):
            general = value
    return general


def _number(flag: str, text: str, word: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{flag} must be a number or {word!r}, not {text!r}") from None


def _whole(flag: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{flag} must be a whole number, not {text!r}") from None
