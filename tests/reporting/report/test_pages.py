"""The pages: words from elsewhere stay words, charts say in words what they show, tables line up."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from bulkdel.reporting.report.charts import HEIGHT, WIDTH
from bulkdel.reporting.report.html import html_report
from bulkdel.reporting.report.markdown import markdown_report
from bulkdel.utf8 import shown
from tests.reporting.report.test_gather import report
from tests.support.report_samples import BEGAN_S, HOSTILE, end, header, pace, result, write

_VOID: Final = {"meta", "link"}


class _Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def log_with(path: Path, words: str) -> Path:
    """Write a log that has some words wherever words can stand."""
    failed = {"status": 400, "error": words, "code": words}
    records = [
        header(BEGAN_S, ["ark"], [words]),
        result("ark", "id_1", "deleted", BEGAN_S + 1),
        result("ark", "id_2", "failed", BEGAN_S + 12, **failed),
        pace("ark", 10.0, 40, 4),
        end(BEGAN_S + 20, 20.0, {"ark": {"pending": 1}}, reason=words, notes=[words]),
    ]
    try:
        return write(path, records)
    except TypeError:  # half a character, which JSON cannot carry
        return log_with(path, words.replace("\ud800", "\ufffd"))


@pytest.mark.parametrize("words", HOSTILE)
def test_no_words_become_a_part_of_the_page(words: str, tmp_path: Path) -> None:
    """A provider's error is an attacker's text: it is shown, and does nothing."""
    plain = _Page(html_report(report(log_with(tmp_path / "plain.log", "words"))))
    found = report(log_with(tmp_path / "plain.log", words))
    page = _Page(html_report(found))

    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert not page.open
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "srcset")]
    links = {attributes.get("href") for _, attributes in page.tags if "href" in attributes}
    assert all(link and (link.startswith("#") or link == "data:,") for link in links)
    known = shown(words.replace("\ud800", "\ufffd"))[:200]
    assert any(known in text for text in page.words)


@pytest.mark.parametrize("words", HOSTILE)
def test_no_words_become_a_part_of_the_markdown(words: str, tmp_path: Path) -> None:
    """Tables keep their columns, code blocks their end, and no markup of others comes in."""
    text = markdown_report(report(log_with(tmp_path / "log", words)))

    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table.splitlines()}
        assert len(counts) == 1
    assert text.count("```") % 2 == 0
    assert "\x1b" not in text
    outside = re.sub(r"```sh\n.*?\n```", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<(?!!-- bulkdel report)", outside)


def test_every_chart_says_in_words_what_it_shows(tmp_path: Path) -> None:
    """For a screen reader, and for whoever cannot tell the lines apart."""
    page = html_report(report(log_with(tmp_path / "log", "words")))

    charts = re.findall(r'<svg viewBox="0 0 360.*?</svg>', page, re.DOTALL)
    assert len(charts) == 3
    for chart in charts:
        named = re.search(r'aria-labelledby="(\S+) (\S+)"', chart)
        assert named is not None
        for name in named.groups():
            assert re.search(rf'id="{name}">[^<]{{10,}}<', chart)
        for x, y in re.findall(r"M([\d.]+) ([\d.]+)", chart):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    """It opens from disk, years later, in a room without a network."""
    page = html_report(report(log_with(tmp_path / "log", "words")))

    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
