"""`bulkdel bench`: what is recommended follows from what was measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import click
import pytest

from bulkdel.bench.chart import svg
from bulkdel.bench.curves import HEADROOM, Point, bar, concurrency_for, curves, durations
from bulkdel.cli import cli
from bulkdel.cli.bench_text import report
from bulkdel.emulator.confirming import serve_confirmations
from bulkdel.models import Answer, Meaning
from bulkdel.providers import PROVIDERS
from tests.support.command import TIMEOUT_S, environment, run_command


def point(concurrency: int, rate: float, latency_s: float = 0.02) -> Point:
    """Return what was measured once."""
    return Point(latency_s=latency_s, concurrency=concurrency, rate=rate, cpu_share=0.1)


CURVE = [point(1, 50), point(10, 500), point(100, 5000), point(200, 4000)]


@pytest.mark.parametrize(
    ("rate", "concurrency"),
    [(1, 1), (40, 1), (100, 3), (400, 10), (800, 20), (4000, 100), (5000, 100)],
)
def test_recommends_enough_concurrency_for_the_rate(rate: float, concurrency: int) -> None:
    """Too little would silently keep a run below the rate that the user asked for."""
    assert concurrency_for(rate, CURVE) == concurrency


def test_recommendation_has_room_to_catch_up() -> None:
    """A lane that can just carry its rate falls behind at the first slow answer."""
    least = concurrency_for(400, CURVE)

    assert least is not None
    assert least * 50 == pytest.approx(400 * HEADROOM)


def test_recommends_nothing_for_a_rate_out_of_reach() -> None:
    """A number would be a promise that was not measured."""
    assert concurrency_for(5001, CURVE) is None


def test_points_are_told_by_latency_and_concurrency() -> None:
    """A recommendation reads a curve from its lowest concurrency up."""
    mixed = [point(10, 9, 0.1), point(1, 50), point(1, 9, 0.1), point(10, 500)]

    assert {
        latency_s: [each.concurrency for each in curve]
        for latency_s, curve in curves(mixed).items()
    } == {0.02: [1, 10], 0.1: [1, 10]}


def test_durations_are_those_of_the_documented_limits() -> None:
    """They decide whether a user starts today or asks for a higher limit first."""
    by_name = {each.provider: each for each in durations(1_000_000)}

    assert by_name.keys() == PROVIDERS.keys()
    assert by_name["ark"].seconds == 50_000
    assert by_name["openai"].seconds is None


@pytest.mark.parametrize(
    ("value", "drawn"), [(8, "████"), (4, "██"), (3, "█▌"), (0.01, "▏"), (0, "")]
)
def test_bar_is_as_long_as_its_value(value: float, drawn: str) -> None:
    """And what is little is not nothing."""
    assert bar(value, 8, chars=4) == drawn


def test_report_answers_what_was_asked() -> None:
    """Rates, the concurrency for the wanted one, and how long the IDs take."""
    text = report([*CURVE, point(100, 900, 0.1)], 1000, 2_000_000)

    assert "Latency 20 ms\n" in text
    assert "at 20 ms latency: --concurrency 25" in text
    assert "at 100 ms latency: not reached: 900/s at most" in text
    assert "2,000,000 IDs" in text
    assert "ark        1 d 3 h at 20/s" in text


@pytest.mark.parametrize("points", [CURVE, [point(8, 100)], [point(1, 0), point(2, 10.0)]])
def test_picture_is_whole_and_inside_its_frame(points: list[Point]) -> None:
    """A browser shows nothing of an SVG that is not well-formed."""
    root = ET.fromstring(svg(points))
    space = "{http://www.w3.org/2000/svg}"
    width, height = map(float, root.attrib["viewBox"].split()[2:])

    assert len(root.findall(f"{space}polyline")) == 1
    for circle in root.findall(f"{space}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_server_confirms_as_ark_does() -> None:
    """A confirmation that the provider module does not accept would measure retries."""

    async def answers() -> bytes:
        async with serve_confirmations([0.0]) as urls:
            reader, writer = await asyncio.open_connection("127.0.0.1", urls[0].rsplit(":", 1)[1])
            request = b"DELETE /responses/%b HTTP/1.1\r\nHost: x\r\n\r\n"
            both = request % b"resp_1" + request % b"resp_2"
            writer.write(both[:50])
            await writer.drain()
            writer.write(both[50:] + b"GET / HTTP/1.1\r\n\r\n")
            answered = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answered

    first, second, third = asyncio.run(answers()).split(b"HTTP/1.1 ")[1:]

    for object_id, text in (("resp_1", first), ("resp_2", second)):
        head, body = text.split(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert (
            PROVIDERS["ark"].resource().delete.judge(object_id, Answer(200, body)).meaning
            is Meaning.DELETED
        )
    assert third.startswith(b"405 ")


def test_server_ends_with_the_command_that_started_it() -> None:
    """A killed `bulkdel bench` must leave no process behind."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "bulkdel.bench.server", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")

        process.stdin.close()

        assert process.wait(timeout=TIMEOUT_S) == 0


def test_command_measures_and_draws(tmp_path: Path) -> None:
    """The whole command, as small as it can be."""
    picture = tmp_path / "rates.svg"

    ended = run_command(
        *("bench", "--concurrency", "1,8", "--latency", "0,0.01", "--seconds", "0.1"),
        *("--rate", "10", "--json", "--svg", picture),
        env={"TMPDIR": str(tmp_path)},
    )

    assert ended.code == 0, ended.err
    rates = {(p["latency_s"], p["concurrency"]): p["rate"] for p in ended.json["points"]}
    assert rates.keys() == {(0, 1), (0, 8), (0.01, 1), (0.01, 8)}
    assert rates[0.01, 1] < 200  # 100 is what is possible; a busy machine may blur it
    assert rates[0.01, 1] < rates[0.01, 8] < 1600
    assert ended.json["wanted"][0]["concurrency"] == 1
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert list(tmp_path.iterdir()) == [picture]


@pytest.mark.parametrize(
    "flags",
    [
        ["--concurrency", "0"],
        ["--concurrency", "a,b"],
        ["--concurrency", "1.5"],
        ["--concurrency", ",".join(map(str, range(1, 30)))],
        ["--latency", "-1"],
        ["--latency", "11"],
        ["--latency", "nan"],
        ["--seconds", "0"],
    ],
)
def test_values_out_of_range_are_refused(flags: list[str]) -> None:
    """An endless or empty measurement is never begun."""
    with pytest.raises(click.BadParameter):
        cli.commands["bench"].make_context("bench", list(flags))
