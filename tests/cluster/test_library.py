"""What the library does in the folder of a job: nothing that was there is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkdel.cluster.library import _written
from bulkdel.errors import ConfigError


class Rows:
    """A dataset, as far as it is used."""

    def select_columns(self, columns: list[str]) -> Rows:
        """Return it with some columns."""
        assert columns == ["id"]
        return self

    def write_parquet(self, path: str) -> None:
        """Write it."""
        Path(path).mkdir()
        (Path(path) / "part.parquet").touch()


def test_a_folder_that_holds_anything_is_left_as_it_is(tmp_path: Path) -> None:
    """It may be the user's: the dataset may even be read from there."""
    mine = tmp_path / "ids" / "precious.csv"
    mine.parent.mkdir()
    mine.write_text("id\n")

    with pytest.raises(ConfigError, match="not empty and no job"):
        _written(Rows(), tmp_path, "id", None)

    assert mine.read_text() == "id\n"
    assert _written(Rows(), tmp_path / "new", "id", None) == [
        str(tmp_path / "new" / "ids" / "part.parquet")
    ]
