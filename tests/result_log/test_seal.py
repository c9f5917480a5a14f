"""Whatever is done to a sealed log shows; what is only written on is sealed on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bulkdel.errors import ConfigError
from bulkdel.models import Outcome, Result
from bulkdel.result_log import seal as seal_module
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.file import open_disk_log
from bulkdel.result_log.reader import LogFacts, read_log
from bulkdel.result_log.seal import Chain, SealedLog, check, read_chain


def groups(dice: random.Random, count: int) -> list[bytes]:
    """Return groups of lines as a run writes them."""
    return [
        b"".join(
            result_line(
                Result(f"resp_{dice.getrandbits(64):x}", "ark", Outcome.DELETED, 200, 1, 1e9, 5)
            )
            for _ in range(dice.randint(1, 5))
        )
        for _ in range(count)
    ]


def sealed(path: Path, dice: random.Random, count: int) -> None:
    """Write a log as a run does."""
    with open_disk_log(path) as (file, _):
        log = SealedLog(file, read_chain(path))
        for group in groups(dice, count):
            log.write(group)
        log.close()


def test_a_log_is_sealed_with_every_group_and_over_resumes(tmp_path: Path) -> None:
    """A resume goes on with the chain; readers skip the seals."""
    path, dice = tmp_path / "log", random.Random(0)
    for count in (3, 1, 5):
        sealed(path, dice, count)

    found = check(path)

    assert (found.seals, found.unsealed_bytes, found.wrong) == (9, 0, None)
    assert found.sealed_bytes == path.stat().st_size
    facts = LogFacts()
    assert sum(len(part.ids) for part in read_log(path, facts)) == facts.lines - 9
    assert facts.damaged == 0


def test_any_change_shows_and_where(tmp_path: Path) -> None:
    """Seeded: bytes flipped, removed, put in, moved; lines left out, doubled, exchanged; seals too."""
    for seed in range(600):
        dice = random.Random(seed)
        path = tmp_path / f"log{seed}"
        sealed(path, dice, dice.randint(2, 8))
        before = path.read_bytes()
        after = damaged(before, dice)
        if after == before:
            continue
        place = next(
            (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), -1
        )
        place = min(len(before), len(after)) if place < 0 else place
        path.write_bytes(after)

        found = check(path)

        is_cut = before.startswith(after)
        if is_cut:  # cut behind a seal: the last seal, kept elsewhere, tells
            assert found.sealed_bytes + found.unsealed_bytes == len(after), seed
            assert found.wrong is None or found.sealed_bytes <= place, seed
        else:
            assert found.wrong is not None or found.unsealed_bytes, (seed, place)
            assert found.sealed_bytes <= len(before), seed
            assert found.sealed_bytes <= place, seed
        path.unlink()


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return a log that somebody has changed."""
    lines = data.splitlines(keepends=True)
    place = dice.randrange(len(data))
    kind = dice.choice(
        ("flip", "remove", "put in", "move", "leave out", "double", "exchange", "cut")
    )
    if kind == "flip":
        changed = bytes([data[place] ^ (1 << dice.randrange(8))])
        return data[:place] + changed + data[place + 1 :]
    if kind == "remove":
        return data[:place] + data[place + dice.randint(1, 40) :]
    if kind == "put in":
        return data[:place] + dice.randbytes(dice.randint(1, 9)) + data[place:]
    if kind == "cut":
        return data[:place]
    number = dice.randrange(len(lines))
    if kind == "leave out":
        return b"".join(lines[:number] + lines[number + 1 :])
    if kind == "double":
        return b"".join(lines[: number + 1] + lines[number:])
    other = dice.randrange(len(lines))
    lines[number], lines[other] = lines[other], lines[number]
    if kind == "move":
        lines.append(lines.pop(number))
    return b"".join(lines)


def test_a_seal_that_was_made_anew_shows_at_the_next(tmp_path: Path) -> None:
    """Who forges one has to forge all that follow: the last one, kept elsewhere, tells."""
    path = tmp_path / "log"
    sealed(path, random.Random(0), 3)
    lines = path.read_bytes().replace(b"deleted", b"forged!", 1).splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith(b'{"seal"'))
    chain = Chain()
    chain.add(b"".join(lines[:first]))
    lines[first] = chain.seal().line()
    path.write_bytes(b"".join(lines))

    found = check(path)

    assert found.seals == 1
    assert found.wrong is not None


def test_what_stands_behind_the_last_seal_is_said(tmp_path: Path) -> None:
    """A run without --seal after one with it."""
    path = tmp_path / "log"
    sealed(path, random.Random(0), 3)
    more = b'{"id":"resp_1","lane":"ark","outcome":"gone"}\n'
    with path.open("ab") as file:
        file.write(more)

    found = check(path)

    assert (found.seals, found.unsealed_bytes, found.wrong) == (3, len(more), None)


def test_a_log_that_was_changed_is_not_sealed_on(tmp_path: Path) -> None:
    """A new seal would hide it."""
    path = tmp_path / "log"
    sealed(path, random.Random(0), 3)
    path.write_bytes(path.read_bytes().replace(b"deleted", b"deletes", 1))

    with pytest.raises(ConfigError, match="changed since it was sealed"):
        read_chain(path)


def test_a_group_that_cannot_be_written_leaves_the_chain_as_it_was(tmp_path: Path) -> None:
    """It is tried again later, with other lines perhaps."""
    path = tmp_path / "log"

    class Full:
        """A disk that is full once."""

        def __init__(self) -> None:
            self.is_full = True
            self.data = b""

        def write(self, data: bytes) -> None:
            """Refuse, or take it."""
            if self.is_full:
                raise OSError
            self.data += data

        def sync(self) -> None: ...
        def close(self) -> None: ...
        def rescue(self, pending: bytes) -> None: ...

    disk = Full()
    log = SealedLog(disk, Chain())  # type: ignore[arg-type]
    with pytest.raises(OSError):  # noqa: PT011
        log.write(b'{"id":"a"}\n')
    disk.is_full = False
    log.write(b'{"id":"b"}\n')
    path.write_bytes(disk.data)

    assert (check(path).seals, check(path).wrong) == (1, None)


def test_pieces_of_any_size_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log is read in blocks; where they end must not matter."""
    path = tmp_path / "log"
    sealed(path, random.Random(3), 12)
    whole = check(path)
    for size in (1, 7, 64, 100, 1000):
        monkeypatch.setattr(seal_module, "_BLOCK", size)
        assert check(path) == whole
