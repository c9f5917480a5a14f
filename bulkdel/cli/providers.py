"""``bulkdel providers``: the providers, their endpoints, key variables and limits."""

from __future__ import annotations

import click
import orjson

from bulkdel.cli.output import duration, tell
from bulkdel.providers import PROVIDERS, RESPONSES, Provider, Resource


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
                "endpoint": _endpoint(known, next(iter(known.resources.values()))),
                "key_env": known.key_env,
                "rate_max": known.rate_max,
                "rate_note": known.rate_note,
                "docs_url": next(iter(known.resources.values())).docs_url,
                "resources": {
                    resource.name: {
                        "lane": _lane(known, resource),
                        "endpoint": _endpoint(known, resource),
                        "docs_url": resource.docs_url,
                        "list": None if resource.listing is None else resource.listing.path,
                        "expires": resource.expires or None,
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
            tell(f"  {_lane(known, resource)}")
            listed = "" if resource.listing is None else "; can be listed"
            tell(f"    {_endpoint(known, resource)}{listed}")
            if resource.expires:
                tell(f"    expires  {resource.expires}")
            tell(f"    see      {resource.docs_url}")
        tell(f"  key in   {known.key_env}")
        limit = "none documented"
        if known.rate_max is not None:
            limit = f"{known.rate_max:g}/s, a million IDs in {duration(1e6 / known.rate_max)}"
        tell(f"  pace     {limit}")
        tell(f"           {known.rate_note}")
