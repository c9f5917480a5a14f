"""Completion in the shell: of commands, flags, lanes, formats and files.

    bulkdel completion bash  -->  a script for the shell, which asks ``bulkdel`` at each Tab

Not here: what completes a lane's setting (`lane_values`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from bulkdel.cli.fields import OwnType
from bulkdel.cli.output import tell
from bulkdel.errors import ConfigError
from bulkdel.providers import PROVIDERS, RESPONSES, lanes_in_file
from bulkdel.sources import FORMATS

VARIABLE: Final = "_BULKDEL_COMPLETE"
_SHELLS: Final = ("bash", "zsh", "fish")
_EPILOG: Final = """\b
Put one of these where your shell reads it at its start:
  bash  eval "$(bulkdel completion bash)"           in ~/.bashrc
  zsh   eval "$(bulkdel completion zsh)"            in ~/.zshrc
  fish  bulkdel completion fish > ~/.config/fish/completions/bulkdel.fish
"""


def lane_names() -> list[str]:
    """Return the lanes without a label, and those of the configuration file."""
    names = [
        provider.name if resource == RESPONSES else f"{provider.name}:{resource}"
        for provider in PROVIDERS.values()
        for resource in provider.resources
    ]
    return [*names, *lanes_in_file()]


def _fitting(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


class LaneName(OwnType):
    """The click type of a lane's name: any text, completed by those that are known."""

    name = "LANE"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str:
        """Return it as it is: whether there is such a lane is said with more words elsewhere."""
        return value

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the lanes that begin so."""
        return _fitting(lane_names(), incomplete)


class FormatName(LaneName):
    """The click type of a source's format."""

    name = "NAME"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the formats that begin so."""
        return _fitting(FORMATS, incomplete)


class SourceName(LaneName):
    """The click type of a source: a file, or ``LANE=FILE``."""

    name = "SOURCE"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Let the shell complete files."""
        return [CompletionItem(incomplete, type="file")]


@click.command(epilog=_EPILOG)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, flags, lanes and files in a shell."""
    made = get_completion_class(shell)
    if made is None:
        raise ConfigError(f"there is no completion for {shell}")
    root = click.get_current_context().find_root().command
    tell(made(root, {}, "bulkdel", VARIABLE).source())
