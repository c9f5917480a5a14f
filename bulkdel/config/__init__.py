"""A file of settings: providers and lanes of one's own, and defaults for every flag.

    bulkdel.toml ──table──> Table ──providers──> Provider         of APIs that are not built in
                                  ├──lanes─────> LaneTable        named accounts
                                  └──[COMMAND]─> Table            defaults of its flags

    [lanes.files-eu]
    provider = "openai:files"
    base_url = "https://eu.api.openai.com/v1"
    api_key_env = "OPENAI_EU_KEY"

What holds here, always:

1. A wrong file is refused whole, with its name, the line, the key, and what is allowed.
2. No key stands in it: only the name of the variable that has one.

Not here: where the file is looked for and what a flag may be (`cli.config_file`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bulkdel.config.providers import provider_of
from bulkdel.config.table import Table
from bulkdel.errors import ConfigError
from bulkdel.providers import Provider, added, find

FILE_NAME: Final = "bulkdel.toml"

_NAME: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}(:[A-Za-z0-9][A-Za-z0-9_.\-]*)?"
).fullmatch
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_LANE_FLAGS: Final = ("base_url", "api_key_env", "concurrency", "rate", "rate_max", "leave")
_LANE_KEYS: Final = ("provider", *_LANE_FLAGS, "headers", "params")


@dataclass(frozen=True, slots=True)
class FromVariable:
    """A value that an environment variable has."""

    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTable:
    """What a file says of one lane.

    Attributes:
        provider: The lane that it stands for: ``PROVIDER[:RESOURCE]``.
        flags: Its flags of ``bulkdel delete``, as they would be typed.
        headers: Headers of its requests.
        params: Whose objects they are: the IDs of parents, by name.
        table: Where it stands.
    """

    provider: str
    flags: Mapping[str, str]
    headers: Mapping[str, str | FromVariable]
    params: Mapping[str, str]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a file says.

    Attributes:
        path: The file.
        providers: The providers that it declares.
        lanes: The lanes, by name.
        commands: For each command the table of its flags.
        text: The file itself.
    """

    path: Path
    providers: Sequence[Provider] = ()
    lanes: Mapping[str, LaneTable] = field(default_factory=dict)
    commands: Mapping[str, Table] = field(default_factory=dict)
    text: str = field(default="", repr=False)


def read_config(path: Path, commands: Sequence[str]) -> Config:
    """Read a file.

    Args:
        path: The file.
        commands: The commands that it may have a table for.

    Raises:
        ConfigError: It cannot be read, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: it is no UTF-8 text") from exc
    whole = Table.read(str(path), text)
    whole.check_keys(["providers", "lanes", *commands])
    providers = [provider_of(name, table) for name, table in whole.tables_in("providers")]
    with added(providers, {}):  # a lane may be of a provider of the same file
        lanes = {name: _lane(name, table) for name, table in whole.tables_in("lanes")}
    return Config(
        path=path,
        providers=providers,
        lanes=lanes,
        commands={name: whole.table(name) for name in commands if name in whole},
        text=text,
    )


def _lane(name: str, table: Table) -> LaneTable:
    table.check_keys(_LANE_KEYS)
    if not _NAME(name):
        raise table.wrong(None, "a lane's name is letters, digits, '-', '_', '.', and one ':'")
    provider = table.text("provider", "")
    try:
        found = find(provider or name)
    except ConfigError as exc:
        raise table.wrong("provider" if provider else None, str(exc)) from exc
    meant = _meant(name)
    if meant is not None and meant != found:
        raise table.wrong(None, f"{name!r} already means another lane than {provider!r}")
    if "api_key_env" in table and not _VARIABLE(table.text("api_key_env")):
        raise table.wrong("api_key_env", "it is the name of a variable, not the key")
    return LaneTable(
        provider=provider or name,
        flags={key: table.scalar(key) for key in _LANE_FLAGS if key in table},
        headers=_headers(table),
        params=_params(table),
        table=table,
    )


def _meant(name: str) -> tuple[Provider, object] | None:
    """Return what a lane of this name is without the file; None if there is none."""
    try:
        return find(name)
    except ConfigError:
        return None


def _params(table: Table) -> Mapping[str, str]:
    if "params" not in table:
        return {}
    params = table.table("params")
    return {name: params.text(name) for name in params}


def _headers(table: Table) -> Mapping[str, str | FromVariable]:
    """Return headers by name; a value is a text, or ``{ env = "NAME" }``."""
    found: dict[str, str | FromVariable] = {}
    if "headers" in table:
        headers = table.table("headers")
        for name in headers:
            if headers.is_table(name):
                value = headers.table(name)
                value.check_keys(["env"])
                found[name] = FromVariable(value.text("env"))
            else:
                found[name] = headers.text(name)
    return found
