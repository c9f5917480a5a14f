"""``bulkdel providers``: the providers, their endpoints, key variables and limits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import click
import orjson

from bulkdel.cli.completion import LaneName
from bulkdel.cli.config_file import in_file, with_file
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.fields import arguments, flag, repeated, takes
from bulkdel.cli.lane_values import ForLane, PerLane, param
from bulkdel.cli.lanes import DRY_RUN_KEY, key_variable, one_lane
from bulkdel.cli.output import tell
from bulkdel.errors import ConfigError
from bulkdel.process import backend_options
from bulkdel.providers import PROVIDERS, RESPONSES, Provider, Resource, find
from bulkdel.reporting.words import duration
from bulkdel.transport.endpoint import endpoint_of


def _endpoint(provider: Provider, resource: Resource) -> str:
    return f"{resource.delete.method} {provider.base_url}{resource.delete.path}"


def _lane(provider: Provider, resource: Resource) -> str:
    return provider.name if resource.name == RESPONSES else f"{provider.name}:{resource.name}"


def table() -> list[str]:
    """Return the rows of the README's table: what can be deleted, and whether it can be listed."""
    return [
        f"| `{_lane(known, resource)}` | `{_endpoint(known, resource)}` |"
        f" {'yes' if resource.listing is not None else ''} | `{known.key_env}` |"
        for known in PROVIDERS.values()
        for resource in known.resources.values()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidersOptions:
    """The options of ``bulkdel providers``."""

    names: tuple[str, ...] = arguments("[NAME]...", LaneName())
    check: bool = flag(
        "--check",
        help="Say what would be sent for the lane NAME, without the key; send nothing.",
    )
    param: tuple[ForLane[tuple[str, str]], ...] = repeated(
        "--param",
        kind=PerLane("NAME=ID", param),
        help="With --check: whose objects, as for `bulkdel delete`.",
    )
    json: bool = flag("--json", help="One JSON object on stdout.")


_EPILOG = """\b
Examples:
  bulkdel providers
  bulkdel providers openai
  bulkdel providers openai:files --check
  bulkdel providers --json
"""


@click.command(epilog=_EPILOG)
@takes(ProvidersOptions)
def providers(options: ProvidersOptions) -> None:
    """Show the providers, their endpoints, key variables and known limits.

    NAME is a provider, or a lane: then what is known of that alone is shown.
    """
    if options.check:
        if not options.names:
            raise ConfigError("--check needs a lane: bulkdel providers openai:files --check")
        for name in options.names:
            tell(_request(name, options))
        return
    chosen = _chosen(options.names)
    if options.json:
        facts = {known.name: _facts(known, resources) for known, resources in chosen}
        click.echo(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        return
    for known, resources in chosen:
        _show(known, resources)


def _chosen(names: Sequence[str]) -> list[tuple[Provider, list[Resource]]]:
    """Return what is asked for: a provider with all of its resources, or with one of them."""
    if not names:
        return [(known, list(known.resources.values())) for known in PROVIDERS.values()]
    chosen = []
    for name in names:
        known, resources = PROVIDERS.get(name), None
        if known is None:
            known, resource = find(name)
            resources = [resource]
        chosen.append((known, resources or list(known.resources.values())))
    return chosen


def _facts(known: Provider, resources: Sequence[Resource]) -> dict[str, object]:
    """Return what is known of a provider, for scripts."""
    return {
        "title": known.title,
        "endpoint": _endpoint(known, resources[0]),
        "key_env": known.key_env,
        "rate_max": known.rate_max,
        "rate_note": known.rate_note,
        "docs_url": resources[0].docs_url,
        "resources": {
            resource.name: {
                "lane": _lane(known, resource),
                "endpoint": _endpoint(known, resource),
                "docs_url": resource.docs_url,
                "list": None if resource.listing is None else resource.listing.path,
                "prefixes": list(resource.id_form.prefixes),
                "expires": resource.expires or None,
                "params": list(resource.params),
                "leaves": resource.leaves or None,
            }
            for resource in resources
        },
    }


def _show(known: Provider, resources: Sequence[Resource]) -> None:
    tell(f"{known.name}: {known.title}")
    for resource in resources:
        tell(f"  {_lane(known, resource)}")
        listed = "" if resource.listing is None else "; can be listed"
        tell(f"    {_endpoint(known, resource)}{listed}")
        if resource.id_form.prefixes:
            tell(f"    IDs      {', '.join(f'{each}…' for each in resource.id_form.prefixes)}")
        if resource.params:
            words = " ".join(f"--param {name}=ID" for name in resource.params)
            tell(f"    needs    {words}")
        if resource.leaves:
            tell(f"    leaves   {resource.leaves}")
        if resource.expires:
            tell(f"    expires  {resource.expires}")
        tell(f"    see      {resource.docs_url}")
    set_here = "set" if os.environ.get(known.key_env) else "not set"
    tell(f"  key in   {known.key_env} ({set_here} here)")
    limit = "none documented"
    if known.rate_max is not None:
        limit = f"{known.rate_max:g}/s, a million IDs in {duration(1e6 / known.rate_max)}"
    tell(f"  pace     {limit}")
    tell(f"           {known.rate_note}")


def _request(name: str, given: ProvidersOptions) -> str:
    """Return the request that a lane would send, without what is secret in it."""
    options = with_file(DeleteOptions(dry_run=True, param=given.param))
    lane = one_lane(name, options, os.environ)
    variable = key_variable(name, options)
    has_key = lane.secret != DRY_RUN_KEY
    operation = lane.resource.delete
    endpoint = anyio.run(endpoint_of, lane, operation, backend_options=backend_options())
    key = f"[the key in {variable}]" if has_key else f"[{variable} is not set]"
    lines = [f"{lane.name}: {lane.title}", f"  {operation.method} {lane.base_url}{operation.path}"]
    hidden = {} if (file := in_file()) is None else file.from_variables
    for header, value in endpoint.headers.items():
        shown = value.replace(lane.secret.reveal(), key)
        if value in hidden:
            shown = f"[the value of {hidden[value]}]"
        lines.append(f"    {header}: {shown}")
    if endpoint.proxy is not None:
        lines.append(f"  through the proxy {endpoint.proxy.host}:{endpoint.proxy.port}")
    if lane.resource.listing is not None:
        lines.append(f"  GET {lane.base_url}{lane.resource.listing.target(None)}   (bulkdel list)")
    rate = f"exactly {lane.rate:g}/s" if lane.rate else "as fast as the provider takes it"
    if lane.rate is None and lane.ceiling is not None:
        rate += f", at most {lane.ceiling:g}/s"
    lines.append(f"  {rate}, {lane.concurrency:,} in flight at most")
    if file is not None:
        lines.append(f"  settings from {file.path}")
    return "\n".join([*lines, "Nothing was sent."])
