"""By its age an ID is deleted only if it says that it is as old as is asked; whatever else is kept."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.engine.aging import ByAge
from bulkdel.engine.choice import Choice
from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.providers import birth
from bulkdel.providers.birth import FIRST_S, ark_response, openai_response

NOW_S = 1_795_000_000.0
DAY_S = 86_400.0
HEX = "0123456789abcdef"


class Blocks:
    """A reader of blocks that are there."""

    def __init__(self, *blocks: Block) -> None:
        self.left = list(blocks)

    def read(self) -> list[Block] | None:
        """Return the next one."""
        return [self.left.pop(0)] if self.left else None

    def interrupt(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def ark_id(made_s: float, rng: random.Random) -> str:
    """Return an ID of Ark's form."""
    return f"resp_02{int(made_s * 1000):013d}" + "".join(rng.choices(HEX, k=38))


def openai_id(made_s: float, rng: random.Random) -> str:
    """Return an ID of OpenAI's form."""
    return f"resp_{int(made_s):08x}" + "".join(rng.choices(HEX, k=40))


MAKERS = {"ark": (ark_id, ark_response), "openai": (openai_id, openai_response)}
OTHERS = ["resp_1", "resp_0e946f2d46bf4b49bf8b29ff78083583", "file-20251018114827-6zgrb", "x" * 58]


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(MAKERS)), st.booleans())
def test_what_is_not_known_to_be_old_enough_is_kept(
    rng: random.Random, lane: str, newer: bool
) -> None:
    """Each ID is wanted, too young, or of unknown age; the counts add up."""
    make, born = MAKERS[lane]
    times = [rng.uniform(FIRST_S, NOW_S) for _ in range(rng.randrange(40))]
    made = {make(time_s, rng): time_s for time_s in times}
    ids = [*made, *rng.choices(OTHERS, k=rng.randrange(5))]
    rng.shuffle(ids)
    before_s, since_s = rng.uniform(FIRST_S, NOW_S), rng.uniform(FIRST_S, NOW_S) if newer else None
    choice = Choice(before_s=before_s, since_s=since_s)

    [block] = ByAge(Blocks(Block(lane, ids)), "ids", {lane: born}, choice, NOW_S).read() or []

    whole = {
        one: float(int(time_s)) if lane == "openai" else int(time_s * 1000) / 1000
        for one, time_s in made.items()
    }
    wanted = [one for one in ids if one in whole and (since_s or 0) <= whole[one] < before_s]
    assert block.ids == wanted
    assert block.kept == len(ids) - len(wanted)
    assert block.kept_unknown == sum(one not in made for one in ids)


def test_published_ids_say_when_they_were_made() -> None:
    """Those of the providers' own pages, beside the `created_at` that stands there with them."""
    ark = "resp_021764229578658fe9a0f6cb2cc6c828e7a59adbdb971872aee70"
    openai = "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b"

    assert ark_response(ark) == pytest.approx(1_764_229_579, abs=1)
    assert openai_response(openai) == 1_741_476_542
    for other in (openai, *OTHERS, ark.upper(), ark + "0", ark[:-1], ""):
        assert ark_response(other) is None
    for other in (ark, *OTHERS, openai.upper(), openai + "0a", openai[:-1], ""):
        assert openai_response(other) is None


@pytest.mark.parametrize("seed", range(20))
def test_digits_that_mean_something_else_end_the_source(seed: int) -> None:
    """Random ones would pass for a time three times in a hundred, and those be deleted."""
    rng = random.Random(seed)
    ids = [f"resp_{rng.getrandbits(192):048x}" for _ in range(200)]
    reader = ByAge(
        Blocks(Block("openai", ids)),
        "ids.txt",
        {"openai": openai_response},
        Choice(before_s=NOW_S),
        NOW_S,
    )

    with pytest.raises(SourceError, match=r"ids.txt.*cannot be true"):
        reader.read()


def test_a_lane_whose_ids_say_nothing_keeps_all() -> None:
    """Rows may name a lane that nobody thought of."""
    rng = random.Random(1)
    block = Block("other", [ark_id(FIRST_S + DAY_S, rng)])

    [kept] = (
        ByAge(
            Blocks(block), "ids", {"ark": birth.ark_response}, Choice(before_s=NOW_S), NOW_S
        ).read()
        or []
    )

    assert (kept.ids, kept.kept, kept.kept_unknown) == ([], 1, 1)
