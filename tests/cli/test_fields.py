"""What a command is told and what its code takes for granted are one thing."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click
import pytest
from click.testing import CliRunner

from bulkdel.cli import cli
from bulkdel.cli.bench_options import BenchOptions
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.emulate import EmulateOptions
from bulkdel.cli.fields import arguments, flag, option, optional, repeated, takes
from bulkdel.cli.lane_values import ForLane

OPTIONS = {"delete": DeleteOptions, "bench": BenchOptions, "emulate": EmulateOptions}


def expected_types(command: click.Command) -> Mapping[str, Any]:
    """Return the type of each parameter, as the code of the command has it."""
    run = inspect.unwrap(command.callback or (lambda: None))
    hints = get_type_hints(run)
    hints.pop("return", None)
    options = hints.get("options")
    return get_type_hints(options) if dataclasses.is_dataclass(options) else hints


def fits(value: object, hint: Any) -> bool:
    """Say whether a value has a type, also what is in a tuple."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is ForLane:
        return isinstance(value, ForLane) and fits(value.value, parts[0])
    if origin is tuple and parts[-1] is not Ellipsis:
        return isinstance(value, tuple) and all(map(fits, value, parts))
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(each, parts[0]) for each in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, origin or hint)


def words_of(parameter: click.Parameter, *, given: bool) -> list[str]:
    """Return what is typed for a parameter; an argument is needed in any case."""
    choices = parameter.type.choices if isinstance(parameter.type, click.Choice) else ["1"]
    if isinstance(parameter, click.Argument):
        return [str(choices[0])]
    if not given:
        return []
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return [parameter.opts[-1]]
    special = {
        "--leave": "1%",
        "--header": "X-Team: 1",
        "--param": "a_id=1",
        "--config": "none",
    }
    return [parameter.opts[-1], special.get(parameter.opts[-1], str(choices[0]))]


@pytest.mark.parametrize("name", OPTIONS)
def test_fields_and_parameters_agree(name: str) -> None:
    """A field without its flag could never be set, a flag without its field would be lost."""
    command, options = cli.commands[name], OPTIONS[name]

    given_nothing = command.make_context(name, []).params

    own = [each.name for each in command.params if each.expose_value]  # all but --trace
    assert [each.name for each in dataclasses.fields(options)] == own
    assert options(**given_nothing) == options()


@pytest.mark.parametrize("name", cli.commands)
@pytest.mark.parametrize("given", [False, True])
def test_every_value_has_the_type_that_the_code_expects(name: str, given: bool) -> None:
    """Mypy believes the annotation; only click knows what it makes of a text."""
    command = cli.commands[name]
    words = [word for each in command.params for word in words_of(each, given=given)]

    values = command.make_context(name, words).params
    hints = expected_types(command)

    assert values.keys() == hints.keys()
    wrong = {field: values[field] for field in hints if not fits(values[field], hints[field])}
    assert not wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Tea:
    """The options of a command that makes tea."""

    leaves: tuple[str, ...] = arguments("LEAF...")
    cups: int = option("-c", "--cups", metavar="N", kind=click.INT, default=2, help="So many.")
    milk_ml: float | None = optional("--milk-ml", metavar="V", kind=click.FLOAT, help="Milk.")
    spice: tuple[str, ...] = repeated("--spice", metavar="S", kind=click.STRING, help="Spice.")
    hot: bool = flag("--hot", help="Do not wait.")


def made(*words: str, env: Mapping[str, str] | None = None) -> Tea:
    """Return what the command gets."""
    got = []

    @click.command()
    @takes(Tea)
    def tea(options: Tea) -> None:
        got.append(options)

    ended = CliRunner().invoke(tea, words, env=env, auto_envvar_prefix="TEA")
    assert ended.exit_code == 0, ended.output
    return got[0]


def test_a_command_gets_its_options_as_one_object() -> None:
    """Everything given, and nothing."""
    assert made() == Tea()
    assert made(
        "a", "-c", "3", "--milk-ml", "1.5", "--spice", "x", "--spice", "y", "--hot", "b"
    ) == Tea(leaves=("a", "b"), cups=3, milk_ml=1.5, spice=("x", "y"), hot=True)


def test_an_option_is_set_in_the_environment_by_its_fields_name() -> None:
    """Which is the flag's."""
    assert made(env={"TEA_CUPS": "4", "TEA_HOT": "1"}) == Tea(cups=4, hot=True)
