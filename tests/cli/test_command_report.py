"""``bulkdel report``: a page out of a real log, in a real browser; and what it does not write over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest

from bulkdel.emulator import AccountSettings, Fault, FaultRule, make_ids
from tests.support.browser import BROWSER, browser
from tests.support.command import KEY, emulated, run_command, run_shell


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the log of two runs with two lanes, the first of them stopped."""
    folder = tmp_path_factory.mktemp("report")
    ids = {name: make_ids(name, 60) for name in ("ark", "fireworks")}
    faults = [FaultRule(fault=Fault.NOT_DELETED, share=0.2)]
    accounts = {name: AccountSettings(ids=ids[name], key=KEY, faults=faults) for name in ids}
    with emulated(**accounts) as emulator:
        at: list[str] = []
        for name, of_lane in ids.items():
            (folder / f"{name}.txt").write_text("".join(f"{one}\n" for one in of_lane))
            at += [f"{name}={name}.txt", "--base-url", f"{name}={emulator.base_url(name)}"]
        for more in (["--max-delete", "50"], ["--attempts", "1"]):
            run_command("delete", *at, "--yes", "--log", "purge.jsonl", "--seal", *more, cwd=folder)
    return folder / "purge.jsonl"


def test_all_formats_say_the_same(log: Path) -> None:
    """The JSON has the figures; the pages are drawn out of them."""
    folder = log.parent
    counts = run_command("status", "--json", log).json["lanes"]

    made = run_command("report", "purge.jsonl", "-o", "report.html", cwd=folder)
    figures = run_command("report", "purge.jsonl", "--format", "json", cwd=folder).json
    text = run_command("report", "purge.jsonl", cwd=folder)

    assert (made.code, made.out) == (0, "")
    assert "report.html" in made.err
    assert figures["bulkdel_report"] == 1
    for lane in figures["lanes"]:
        assert lane["counts"] == {name: counts[lane["lane"]][name] for name in lane["counts"]}
    deleted = figures["counts"]["deleted"]
    assert f"{deleted:,} deleted" in text.out
    assert f"{deleted:,} deleted" in (folder / "report.html").read_text()
    assert [run["state"] for run in figures["runs"]] == ["stopped", "finished"]
    assert figures["evidence"][0]["files"][0]["seals"] > 0
    assert "--attempts 1" in text.out.partition("## What is left")[2].partition("## Over")[0]


def test_the_command_for_what_is_left_goes_on(tmp_path: Path) -> None:
    """From any folder, with all that chose the objects; what was not chosen stays."""
    ids = make_ids("ark", 40)
    others, mine = ids[:20], ids[20:]
    folder = tmp_path / "a job"
    folder.mkdir()
    rows = [f"{a},{b}\n" for a, b in zip(others, mine, strict=True)]
    (folder / "it's.csv").write_text("".join(["id,old\n", *rows]))
    with emulated(ark=AccountSettings(ids=ids, key=KEY)) as emulator:
        words = ["it's.csv", "-p", "ark", "--base-url", emulator.base_url("ark"), "--log", "log"]
        env = {"ARK_API_KEY": "wrong", "BULKDEL_DELETE_ID_FIELD": "old", "BULKDEL_DELETE_YES": "1"}
        stopped = run_command("delete", *words, env=env, cwd=folder)
        report = run_command("report", "a job/log", "--format", "json", cwd=tmp_path)
        [line] = report.json["left"]["commands"]
        asks = run_shell(line, cwd=tmp_path)
        ended = run_shell(f"{line} --yes", cwd=tmp_path)
        deleted = emulator.deleted("ark")
        done = run_command("report", "a job/log", "--format", "json", cwd=tmp_path)
        moved = (folder / "log").rename(tmp_path / "log")
        moved.write_bytes(moved.read_bytes()[: report.json["evidence"][0]["files"][0]["size"]])
        elsewhere = run_command("report", moved, "--format", "json")

    assert (stopped.code, asks.code, ended.code) == (3, 2, 0)
    assert "--id-field old" in line
    assert sorted(deleted) == sorted(mine)
    assert done.json["left"] == {"what": [], "commands": []}
    assert elsewhere.json["left"]["commands"] == []
    assert any("put this log back" in sentence for sentence in elsewhere.json["left"]["what"])


def test_nothing_but_a_report_is_written_over(log: Path, tmp_path: Path) -> None:
    """A log that is named behind -o by mistake is millions of IDs that nobody knows any more."""
    before = log.read_bytes()
    other = tmp_path / "notes.html"
    other.write_text("<p>mine</p>")
    report = tmp_path / "report.md"

    over_log = run_command("report", log, "-o", log)
    over_json = run_command("report", log, "-o", log, "--format", "json")
    over_other = run_command("report", log, "-o", other)
    twice = [run_command("report", log, "-o", report).code for _ in range(2)]
    nowhere = run_command("report", log, "-o", tmp_path / "no" / "report.md")
    nameless = run_command("report", log, "-o", tmp_path / "report.pdf")

    assert [each.code for each in (over_log, over_json, over_other, nowhere, nameless)] == [2] * 5
    assert "not written over" in over_other.err
    assert "--format" in nameless.err
    assert log.read_bytes() == before
    assert other.read_text() == "<p>mine</p>"
    assert twice == [0, 0]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes.html", "report.md"]


def test_only_a_plain_file_is_written_over(log: Path, tmp_path: Path) -> None:
    """No link, no pipe, no empty file that may be somebody's log; and a mode stays as it is."""
    (tmp_path / "target.md").write_text("mine")
    (tmp_path / "link.md").symlink_to(tmp_path / "target.md")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "empty.md").touch()
    refused = [
        run_command("report", log, "-o", tmp_path / f"{name}.md")
        for name in ("link", "pipe", "empty")
    ]
    device = run_command("report", log, "-o", "/dev/null", "--format", "md")
    private = tmp_path / "private.md"
    codes = [run_command("report", log, "-o", private).code]
    private.chmod(0o600)
    codes.append(run_command("report", log, "-o", private).code)

    assert [each.code for each in (*refused, device)] == [2] * 4
    assert not Path("/dev/null").is_file()
    assert (tmp_path / "link.md").is_symlink()
    assert codes == [0, 0]
    assert private.stat().st_mode & 0o777 == 0o600


def test_a_log_by_a_name_without_a_name_a_pipe_and_one_twice(log: Path, tmp_path: Path) -> None:
    """`.` in a job's folder; what can be read once only; the same log again."""
    (tmp_path / "job.json").write_text("{}")
    (tmp_path / "run-000001.jsonl").write_bytes(log.read_bytes())
    os.mkfifo(tmp_path / "pipe.jsonl")

    assert run_command("report", ".", cwd=tmp_path).code == 0
    assert run_command("report", tmp_path / "pipe.jsonl").code == 2
    once = run_command("report", log, "--format", "json").json["lanes"]
    assert run_command("report", log, log, "--format", "json").json["lanes"] == once


def test_a_log_that_grows_and_one_that_is_none(log: Path, tmp_path: Path) -> None:
    """Half a line at its end does not count; a list of IDs is no log; `-o -` is stdout."""
    grows = tmp_path / "grows.jsonl"
    whole = log.read_bytes()
    grows.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "ids.txt").write_text("resp_1\n")

    found = run_command("report", grows, "-o", "-", "--format", "json")

    assert json.loads(found.out)["state"] in ("killed", "stopped")
    assert run_command("report", tmp_path / "ids.txt").code == 2
    assert run_command("report", tmp_path / "missing.jsonl").code == 2


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_real_browser_shows_it(log: Path, tmp_path: Path, dark: bool) -> None:
    """No error, no request, no sideways scrolling of the page, and each chart has its words."""
    page_file = tmp_path / "report.html"
    run_command("report", log, "-o", page_file)

    async def look() -> None:
        async with browser() as page:
            await page.open(page_file)
            for width in (320, 400, 1280):
                await page.show(width, dark=dark)
                assert await page.value("document.documentElement.scrollWidth") <= width
            contrast = await page.value(_CONTRAST)
            assert contrast >= 4.5, contrast
            charts = await page.names("image")
            assert len(charts) == 6
            for name, words in charts:
                assert "ark" in name or "fireworks" in name
                assert "in the middle" in words or "not known" in words
            assert len(await page.names("table")) >= 5
            assert await page.value(_REACHED) == await page.value(_WIDE)
            await page.value("document.querySelector('details summary').click()")
            assert await page.value("document.querySelector('details').open")
            await page.show(1280, dark=dark, printed=True)
            assert (
                await page.value("getComputedStyle(document.querySelector('nav')).display")
                == "none"
            )
            assert page.errors == []
            assert page.requests == [page_file.as_uri()]

    anyio.run(look)


_CONTRAST = """(() => {
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
      .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const behind = e => { for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(c) && c !== 'transparent') return c; }
    return 'rgb(255, 255, 255)'; };
  let least = 99;
  for (const e of document.body.querySelectorAll(':not(title, desc)')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e);
    const ink = e.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least; })()"""
"""The least contrast of any text with what is behind it, as WCAG 2.2 reckons it."""
_WIDE = "document.querySelectorAll('.wide').length"
_REACHED = "[...document.querySelectorAll('.wide')].filter(e => e.tabIndex === 0).length"
