"""``bulkdel providers``: the providers, their endpoints, key variables and limits."""

from __future__ import annotations

import click
import orjson

from bulkdel.cli.output import duration, tell
from bulkdel.providers import PROVIDERS, RESPONSES, Provider, Resource


def _endpoint(provider: Provider, resource: Resource) -> str:
    return f"{resource.delete.method} {provider.base_url}{resource.delete.path}"


@click.command(epilog="\b\nExample:\n  bulkdel providers --json")
@click.option(
    "--json",
    "as_json",
    envvar="BULKDEL_PROVIDERS_JSON",
    is_flag=True,
    help="One JSON object on stdout.",
)
def providers(*, as_json: bool) -> None:
    """Show the providers, their endpoints, key variables and known limits."""
    if as_json:
        facts = {
            name: {
                "title": known.title,
                "endpoint": _endpoint(known, known.resource()),
                "key_env": known.key_env,
                "rate_max": known.rate_max,
                "rate_note": known.rate_note,
                "docs_url": known.resource().docs_url,
                "resources": {
                    resource.name: {
                        "endpoint": _endpoint(known, resource),
                        "docs_url": resource.docs_url,
                    }
                    for resource in known.resources.values()
                },
            }
            for name, known in PROVIDERS.items()
        }
        click.echo(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        return
    for name, known in PROVIDERS.items():
        tell(f"{name}: {known.title}")
        for resource in known.resources.values():
            lane = name if resource.name == RESPONSES else f"{name}:{resource.name}"
            tell(f"  {lane:<16} {_endpoint(known, resource)}")
            tell(f"  {'':<16} see {resource.docs_url}")
        tell(f"  key in   {known.key_env}")
        limit = "none documented"
        if known.rate_max is not None:
            limit = f"{known.rate_max:g}/s, a million IDs in {duration(1e6 / known.rate_max)}"
        tell(f"  pace     {limit}")
        tell(f"           {known.rate_note}")
