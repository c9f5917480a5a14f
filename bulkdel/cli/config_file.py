"""The file of settings: found, read, and put where each command looks for its flags.

    --config FILE, ./bulkdel.toml, or the user's  -->  defaults of flags, lanes, providers

What holds here, always:

1. One file counts, the first of these; what is typed or set in the environment counts before it.
2. A file that was found beside the job, and that another user could have put there, is refused:
   it could name another address for a key.
3. Where a lane is and which key it has is said of that lane alone, never for all.

Not here: what the file may say of providers and lanes (`config`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

import click

from bulkdel.cli.crash import Trace
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.lane_values import ForLane, PerLane, number_or, share, whole
from bulkdel.config import FILE_NAME, Config, FromVariable, LaneTable, read_config
from bulkdel.config.table import Table
from bulkdel.errors import ConfigError
from bulkdel.providers import added

NONE: Final = "none"
_DECLARE: Final = ("providers", "lanes")
"""Tables that are no command's: `bulkdel providers` has no flag that one would keep."""
_META: Final = "bulkdel.config_file"
_OF_A_LANE: Final = ("base_url", "api_key_env", "header", "param")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class InFile:
    """What the file says of lanes, as the flags of ``bulkdel delete`` would have it.

    Attributes:
        path: The file.
        lanes: The lanes that it names.
        from_variables: By their values, the variables that headers are taken from.
    """

    path: Path
    lanes: frozenset[str]
    from_variables: Mapping[str, str] = field(repr=False)
    base_url: tuple[ForLane[str], ...]
    api_key_env: tuple[ForLane[str], ...]
    header: tuple[ForLane[tuple[str, str]], ...]
    param: tuple[ForLane[tuple[str, str]], ...]
    concurrency: tuple[ForLane[int], ...]
    rate: tuple[ForLane[float | None], ...]
    rate_max: tuple[ForLane[float | None], ...]
    leave: tuple[ForLane[float], ...]


def in_file() -> InFile | None:
    """Return what the file of the command that runs says; None if there is none."""
    context = click.get_current_context(silent=True)
    found: InFile | None = None if context is None else context.meta.get(_META)
    return found


def with_file(options: DeleteOptions, *, place_only: bool = False) -> DeleteOptions:
    """Return options with what the file says of lanes, or only where they are and whose key."""
    found = in_file()
    if found is None:
        return options
    options = replace(
        options,
        base_url=(*options.base_url, *found.base_url),
        api_key_env=(*options.api_key_env, *found.api_key_env),
        header=(*options.header, *found.header),
        param=(*options.param, *found.param),
    )
    if place_only:
        return options
    return replace(
        options,
        concurrency=(*options.concurrency, *found.concurrency),
        rate=(*options.rate, *found.rate),
        rate_max=(*options.rate_max, *found.rate_max),
        leave=(*options.leave, *found.leave),
    )


def config_option() -> click.Option:
    """Return the option ``--config``, which every command has."""
    return click.Option(
        ["--config"],
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        envvar="BULKDEL_CONFIG",
        show_envvar=False,
        callback=_take,
        help=f"Settings from this TOML file, or `{NONE}`. [{FILE_NAME} here, else in the user's"
        " configuration folder]",
    )


def line_of_file(context: click.Context, name: str) -> str | None:
    """Return where in the file a parameter has its value from, for messages."""
    tables: Mapping[str, Table] = context.meta.get(f"{_META}.tables", {})
    table = tables.get(context.command.name or "")
    return None if table is None else table.where(name)


def _take(context: click.Context, _: click.Parameter, value: str | None) -> None:
    path = _find(value)
    if path is None or context.resilient_parsing:
        return
    commands = _commands(context)
    config = read_config(path, list(commands))
    named = {name: lane.provider for name, lane in config.lanes.items()}
    context.with_resource(added(config.providers, named))
    trace = context.find_object(Trace)
    if trace is not None:
        trace.named = config.text
    defaults = {
        name: _defaults(commands[name], table, context) for name, table in config.commands.items()
    }
    context.meta[f"{_META}.tables"] = config.commands
    context.meta[_META] = _in_file(config)
    own = defaults.get(context.command.name or "", {})
    context.default_map = {**(context.default_map or {}), **own}


def _commands(context: click.Context) -> dict[str, click.Command]:
    group = context.find_root().command
    commands = group.commands if isinstance(group, click.Group) else {}
    return {name: command for name, command in commands.items() if name not in _DECLARE}


def _find(value: str | None) -> Path | None:
    """Return the file that counts, or None."""
    if value == NONE:
        return None
    if value is not None:
        return Path(value)
    here = Path(FILE_NAME)
    if here.is_file():
        _check_owner(here)
        return here
    own = Path(click.get_app_dir("bulkdel")) / FILE_NAME
    return own if own.is_file() else None


def _check_owner(path: Path) -> None:
    """Refuse a file that nobody named and that another user could have written."""
    if not hasattr(os, "geteuid"):
        return
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        why = "belongs to another user"
    elif found.st_mode & stat.S_IWOTH:
        why = "can be written by every user"
    else:
        return
    raise ConfigError(
        f"{path} in this folder {why}: it could send your key elsewhere. Give --config {path} to"
        f" use it all the same, or --config {NONE}"
    )


def _defaults(command: click.Command, table: Table, context: click.Context) -> dict[str, object]:
    """Return the flags of a command's table by name, each checked."""
    flags = {
        parameter.name or "": parameter
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.expose_value
    }
    names = {_long(parameter): name for name, parameter in flags.items()}
    for key in _OF_A_LANE:
        if key in table and key in names:
            raise table.wrong(key, "say it of one lane: [lanes.openai-eu]")
    table.check_keys([name for name in names if name not in _OF_A_LANE])
    found: dict[str, object] = {}
    for key in table:
        name = key.replace("-", "_")
        parameter = flags[names[name]]
        if isinstance(parameter.type, PerLane):
            continue
        value = _typed(parameter, table, name)
        try:
            parameter.type_cast_value(context, value)
        except click.BadParameter as exc:
            raise table.wrong(name, exc.message) from exc
        found[parameter.name or ""] = value
    return found


def _typed(parameter: click.Option, table: Table, key: str) -> object:
    if parameter.is_flag:
        return table.flag(key)
    return table.scalars(key) if parameter.multiple else table.scalar(key)


def _long(parameter: click.Option) -> str:
    long = next((each for each in parameter.opts if each.startswith("--")), parameter.opts[-1])
    return long.lstrip("-").replace("-", "_")


def _in_file(config: Config) -> InFile:
    return InFile(
        path=config.path,
        lanes=frozenset(config.lanes),
        from_variables={
            os.environ.get(value.variable, "").strip(): value.variable
            for lane in config.lanes.values()
            for value in lane.headers.values()
            if isinstance(value, FromVariable)
        },
        base_url=_values(config, "base_url", str),
        api_key_env=_values(config, "api_key_env", str),
        header=tuple(each for name, lane in config.lanes.items() for each in _headers(name, lane)),
        param=tuple(
            ForLane(each, name, in_file=True)
            for name, lane in config.lanes.items()
            for each in lane.params.items()
        ),
        concurrency=_values(config, "concurrency", whole),
        rate=_values(config, "rate", number_or("auto")),
        rate_max=_values(config, "rate_max", number_or("none")),
        leave=_values(config, "leave", share),
    )


def _values(config: Config, key: str, read: Callable[[str], _Value]) -> tuple[ForLane[_Value], ...]:
    """Return the values of a flag: for all lanes from the table of ``delete``, and the lanes' own."""
    found: list[tuple[Table, str | None, str]] = []
    table = config.commands.get("delete")
    if table is not None and key in table:
        found.append((table, None, table.scalar(key)))
    for name, lane in config.lanes.items():
        if key in lane.flags:
            found.append((lane.table, name, lane.flags[key]))
    values = []
    for table, lane_name, text in found:
        try:
            values.append(ForLane(read(text), lane_name, in_file=True))
        except ValueError as exc:
            raise table.wrong(key, str(exc)) from exc
    return tuple(values)


def _headers(lane: str, table: LaneTable) -> Iterator[ForLane[tuple[str, str]]]:
    """Yield the headers of a lane's table; what a variable has is looked up.

    An empty one is refused where the lane is made: others may run without it.
    """
    for name, value in table.headers.items():
        if isinstance(value, FromVariable):
            text = os.environ.get(value.variable, "").strip()
        else:
            text = value
        yield ForLane((name, text), lane, in_file=True)
