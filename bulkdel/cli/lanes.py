"""Turn arguments and the environment into lanes and sources.

A lane is called ``PROVIDER[:RESOURCE][-LABEL]``: by its provider (``ark``) where responses are
meant, with another resource of it (``openai:files``), with a label for a second account
(``ark-eu``). Settings of lanes are given for all of them, or with ``LANE=`` for one (`lane_values`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.lane_values import ForLane, headers_for, is_lane, params_for, value_for
from bulkdel.errors import ConfigError
from bulkdel.providers import PROVIDERS, RESPONSES, find
from bulkdel.secret import Secret
from bulkdel.settings import DEFAULT_CONCURRENCY, Lane, is_loopback
from bulkdel.sources import STDIN, Format, Source

_TABLES: Final = (Format.CSV, Format.TSV)
_DELIMITERS: Final = {"tab": "\t", "\\t": "\t"}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch

DRY_RUN_KEY = "dry-run"
"""Stands for the key where nothing is sent."""


def make_sources(options: DeleteOptions) -> list[Source]:
    """Return the sources that the arguments name.

    Raises:
        ConfigError: One has no lane, or stdin is named twice.
    """
    if not options.sources:
        raise ConfigError(
            "no SOURCE given: name a file of IDs, or - to read stdin (see bulkdel delete --help)"
        )
    default = _default_lane(options.provider)
    _check_used(options)
    sources = []
    for argument in options.sources:
        lane, name = _split_source(argument)
        if lane is None and options.provider_field is None:
            if default is None:
                known = ", ".join(PROVIDERS)
                raise ConfigError(
                    f"source {name}: say which provider its IDs are at: -p NAME or NAME={name}"
                    f" (known: {known})"
                )
            lane = default
        source = Source(
            name=name,
            lane=lane,
            format=options.format,
            id_field=options.id_field,
            provider_field=None if lane is not None else options.provider_field,
        )
        sources.append(_as_table(source, options) if source.row_format in _TABLES else source)
    _check_tables(sources, options)
    if sum(source.name == STDIN for source in sources) > 1:
        raise ConfigError("stdin (-) can be read once only")
    return sources


def _as_table(source: Source, options: DeleteOptions) -> Source:
    """Return a table with what is said of tables alone."""
    delimiter = options.delimiter and _DELIMITERS.get(options.delimiter, options.delimiter)
    return replace(source, delimiter=delimiter, header=not options.no_header)


def _check_tables(sources: Sequence[Source], options: DeleteOptions) -> None:
    """Refuse what is said of tables where there is none."""
    for flag, value in (("--delimiter", options.delimiter), ("--no-header", options.no_header)):
        if value and not any(source.row_format in _TABLES for source in sources):
            raise ConfigError(f"{flag} has no effect: no source is CSV or TSV (--format csv)")


def _check_used(options: DeleteOptions) -> None:
    """Refuse flags that would have no effect: whoever gives one counts on it."""
    if any(_split_source(argument)[0] is None for argument in options.sources):
        return
    for flag, value in (("-p", options.provider), ("--provider-field", options.provider_field)):
        if value is not None:
            raise ConfigError(
                f"{flag} {value} has no effect: every source names its own lane (LANE=FILE)"
            )


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
    options: DeleteOptions,
    *,
    environ: Mapping[str, str],
    named: Sequence[str] = (),
    in_file: AbstractSet[str] = frozenset(),
) -> list[Lane]:
    """Return the lanes that the sources need, with keys from the environment.

    A source whose rows name their lane may name every lane whose key is set; ``-p`` adds one.
    The lanes ``named`` by its rows must have a key. A labelled one among them is another
    account, so its key is never guessed, unless a file names that lane: those are ``in_file``.

    Raises:
        ConfigError: A key is missing or a setting is wrong.
    """
    names = dict.fromkeys(source.lane for source in sources if source.lane is not None)
    if any(source.lane is None for source in sources):
        typed = [each for each in options.api_key_env if not each.in_file]
        names.update(dict.fromkeys(each.lane for each in typed if each.lane is not None))
        names.update(
            dict.fromkeys(
                name
                for name in sorted(in_file)
                if options.dry_run or environ.get(key_variable(name, options))
            )
        )
        names.update(
            dict.fromkeys(
                name
                for name, known in PROVIDERS.items()
                if RESPONSES in known.resources
                and (options.dry_run or environ.get(known.key_env))
                and (known.is_placed or value_for(name, options.base_url, ""))
            )
        )
        if options.provider is not None:
            names[options.provider] = None
        _check_labelled([name for name in named if name not in names and name not in in_file])
        names.update(dict.fromkeys(named))
    if not names:
        raise ConfigError(
            "no lane has a key: set one of "
            + ", ".join(provider.key_env for provider in PROVIDERS.values())
        )
    _check_lanes_of_settings(list(names), options)
    _check_one_host(list(names), options)
    for name in names:
        _check_rate_max(name, options)
    return [_make_lane(name, options, environ) for name in names]


def one_lane(name: str, options: DeleteOptions, environ: Mapping[str, str]) -> Lane:
    """Return one lane, with its key from the environment.

    Raises:
        ConfigError: There is no such lane, its key is missing, or a setting is wrong.
    """
    find(name)
    _check_lanes_of_settings([name], options)
    _check_one_host([name], options)
    return _make_lane(name, options, environ)


def _check_labelled(named: Iterable[str]) -> None:
    """Refuse lanes that only rows name and that are not the account of the provider's own key."""
    for name in named:
        provider, resource = find(name)
        if name not in (provider.name, f"{provider.name}:{resource.name}"):
            raise ConfigError(
                f"rows name the lane {name!r}, another account of {provider.title}: name its key"
                f" with --api-key-env {name}=NAME"
            )


def _check_lanes_of_settings(names: Sequence[str], options: DeleteOptions) -> None:
    """Refuse a setting for a lane that is not in the run: it would be lost in silence.

    What is no variable's name may be the key itself, and its lane a part of it: neither is shown.
    """
    settings: dict[str, Sequence[ForLane[object]]] = {
        "--base-url": options.base_url,
        "--api-key-env": options.api_key_env,
        "--header": options.header,
        "--param": options.param,
        "--concurrency": options.concurrency,
        "--rate": options.rate,
        "--rate-max": options.rate_max,
        "--leave": options.leave,
    }
    for variable in options.api_key_env:
        if not variable.in_file and not _VARIABLE(variable.value):
            lane = f"lane {variable.lane}: " if variable.lane in names else ""
            raise ConfigError(f"{lane}--api-key-env takes the name of a variable, not the key")
    for flag, given in settings.items():
        for each in given:
            if each.lane is not None and each.lane not in names and not each.in_file:
                raise ConfigError(
                    f"{flag} {each.lane}=…: there is no lane {each.lane!r} in this run"
                    f" (lanes: {', '.join(names)})"
                )


def _check_one_host(names: Sequence[str], options: DeleteOptions) -> None:
    """Refuse what would send the key of one provider to the host of another.

    That is a base URL or a key for all lanes where several providers share it, and the host of
    another provider that is known, unless the key for it is named.
    """
    shared: dict[str, Sequence[ForLane[str]]] = {
        "--base-url": options.base_url,
        "--api-key-env": options.api_key_env,
    }
    for flag, given in shared.items():
        own = {each.lane for each in given if not each.in_file}
        users = [name for name in names if name not in own] if None in own else []
        if len({find(name)[0].name for name in users}) > 1:
            each_one = " ".join(f"{flag} {name}=…" for name in users)
            raise ConfigError(
                f"{flag} for all lanes would send the key of one provider to another"
                f" (lanes: {', '.join(users)}): say it for each, {each_one}"
            )
    for name in names:
        host = _host(value_for(name, options.base_url, ""))
        owner = next((each for each in PROVIDERS.values() if _host(each.base_url) == host), None)
        if owner is None or owner is find(name)[0] or is_loopback(host):
            continue
        if not value_for(name, options.api_key_env, ""):
            raise ConfigError(
                f"lane {name}: --base-url is the host of {owner.title}, and the key of"
                f" {find(name)[0].title} would go there: use the lane {owner.name}, or name the"
                f" key with --api-key-env {name}=NAME"
            )


def _check_rate_max(name: str, options: DeleteOptions) -> None:
    """Refuse what bounds the search for a rate beside the rate itself, both for this lane."""
    if value_for(name, options.rate, None) is None:
        return
    typed = any(not each.in_file and each.lane in (None, name) for each in options.rate)
    own = any(each.lane == name and each.in_file is not typed for each in options.rate)
    bounds: dict[str, Sequence[ForLane[object]]] = {
        "--rate-max": options.rate_max,
        "--leave": options.leave,
    }
    for flag, given in bounds.items():
        if any(
            each.lane == name or (each.lane is None and not (own and each.in_file is not typed))
            for each in given
            if not (typed and each.in_file)
        ):
            where = "--rate" if typed else "the rate in the configuration file"
            raise ConfigError(
                f"lane {name}: {flag} has no effect beside {where}, which is exact: give one of"
                " them, or --rate auto"
            )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # `check_base_url` says what is wrong with it
        return ""


def key_variable(name: str, options: DeleteOptions) -> str:
    """Return the environment variable that has the key of a lane."""
    return value_for(name, options.api_key_env, "") or find(name)[0].key_env


def _make_lane(name: str, options: DeleteOptions, environ: Mapping[str, str]) -> Lane:
    provider, resource = find(name)
    key_env = key_variable(name, options)
    key = Secret(environ.get(key_env, "").strip())
    if options.dry_run and not key:
        key = Secret(DRY_RUN_KEY)
    if not key:
        # In lower case it may be the key itself, given in the wrong place: never show it.
        shown = key_env if key_env.isupper() else "the variable named by --api-key-env"
        raise ConfigError(
            f"lane {name}: no key: set {shown} in the environment, or name another variable"
            " with --api-key-env"
        )
    headers = headers_for(name, options.header)
    for header, value in headers.items():
        if not value:
            raise ConfigError(
                f"lane {name}: header {header!r}: the variable of its value is not set"
            )
    return Lane(
        provider=provider,
        resource_name=resource.name,
        params=params_for(name, options.param),
        name=name,
        api_key=key,
        base_url=value_for(name, options.base_url, ""),
        allow_http=options.allow_http,
        concurrency=value_for(name, options.concurrency, DEFAULT_CONCURRENCY),
        rate=value_for(name, options.rate, None),
        rate_max=value_for(name, options.rate_max, "documented"),
        leave=value_for(name, options.leave, "documented"),
        headers=headers,
        attempts_max=options.attempts,
        timeout_s=options.timeout,
        any_id=options.any_id,
    )
