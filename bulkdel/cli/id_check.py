"""Whether the sources hold IDs of their providers at all, asked before anything is sent.

Rows of a table that are taken for text (``resp_1,2024-01-01``) can all be sent, are all "gone",
and the run ends well while every object stays. No single ID is refused for its looks; but where
most of the first ones in a source look unlike the provider's, the source is not what it is taken for.

Not here: stdin and other pipes, of which nothing is read before the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bulkdel.errors import ConfigError
from bulkdel.object_id import IdForm
from bulkdel.sources import Source, SourceReader


def check_looks(
    sources: Sequence[Source], readers: Sequence[SourceReader], forms: Mapping[str, IdForm]
) -> None:
    """Refuse a source whose first IDs are mostly unlike those of their lane.

    Raises:
        ConfigError: With an example, and what to give if they are right.
    """
    for source, reader in zip(sources, readers, strict=True):
        for block in reader.first:
            form = forms.get(block.lane)
            if form is None:
                continue
            unusual = [object_id for object_id in block.ids if form.is_unusual(object_id)]
            if 2 * len(unusual) > len(block.ids):
                raise ConfigError(
                    f"source {source.label}: {len(unusual):,} of the first {len(block.ids):,} IDs"
                    f" do not look like those of {block.lane}: {unusual[0]!r}. Check the file,"
                    " --format and --id-field; --any-id sends them as they are"
                )
