"""``bulkdel.toml`` and ``--config``: providers and lanes of one's own, defaults for every flag."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import KEY, Ended, emulated, run_command

IDS = make_ids("openai:files", 20)
ENV = {"ACME_API_KEY": KEY, "EU_KEY": KEY, "OPENAI_API_KEY": KEY}

FILE = """
[providers.acme]
base_url = "{url}"
api_key_env = "ACME_API_KEY"
[providers.acme.resources.files]
like = "openai:files"
[lanes.eu-files]
provider = "openai:files"
base_url = "{url}"
api_key_env = "EU_KEY"
rate = 70
headers = {{ X-Team = "a", X-Gate = {{ env = "GATE" }} }}
[delete]
yes = true
concurrency = 9
attempts = 4
[list]
limit = 7
"""


def put(folder: Path, url: str = "http://127.0.0.1:9/v1", **more: str) -> Path:
    """Put the file and the IDs into a folder."""
    text = FILE.format(url=url)
    for was, now in more.items():
        text = text.replace(was, now)
    (folder / "ids.txt").write_text("".join(f"{one}\n" for one in IDS))
    path = folder / "bulkdel.toml"
    path.write_text(text)
    return path


def checked(folder: Path, *words: str | Path, **env: str) -> Ended:
    """Say what would be sent."""
    return run_command("providers", *words, "--check", cwd=folder, env={**ENV, **env})


def test_a_provider_of_ones_own_is_listed_deleted_and_verified(tmp_path: Path) -> None:
    """Nothing but the file says what it is."""
    with emulated(**{"openai:files": AccountSettings(ids=IDS, key=KEY)}) as emulator:
        put(tmp_path, emulator.base_url("openai:files"))
        listed = run_command("list", "acme:files", "-o", "some.jsonl", cwd=tmp_path, env=ENV)
        deleted = run_command("delete", "ids.txt", "-p", "acme:files", cwd=tmp_path, env=ENV)
        verified = run_command("verify", "ids.txt.bulkdel.jsonl", cwd=tmp_path, env=ENV)
        alone = run_command(
            *("verify", "ids.txt.bulkdel.jsonl", "--config", "none"), cwd=tmp_path, env=ENV
        )

        assert emulator.present("openai:files") == []
    assert listed.code == 0, listed.err
    assert len((tmp_path / "some.jsonl").read_text().splitlines()) == 7
    assert deleted.code == 0, deleted.err
    assert "20 deleted" in deleted.out
    assert "Settings from bulkdel.toml." in deleted.err
    assert verified.code == 0, verified.err
    assert "there is no provider 'acme'" in alone.err


def test_a_named_lane_is_where_the_file_says_and_its_headers_go_along(tmp_path: Path) -> None:
    """In rows, too: the lane is known by the file."""
    with emulated(**{"openai:files": AccountSettings(ids=IDS, key=KEY)}) as emulator:
        put(tmp_path, emulator.base_url("openai:files"))
        (tmp_path / "rows.csv").write_text(
            "id,account\n" + "".join(f"{one},eu-files\n" for one in IDS)
        )
        ended = run_command(
            *("delete", "rows.csv", "--provider-field", "account"),
            cwd=tmp_path,
            env={"EU_KEY": KEY, "GATE": "open"},
        )

        assert emulator.present("openai:files") == []
    assert ended.code == 0, ended.err
    shown = checked(tmp_path, "eu-files", GATE="open sesame").out
    assert "X-Team: a\n" in shown
    assert "X-Gate: [the value of GATE]" in shown
    assert "Bearer [the key in EU_KEY]" in shown
    assert "exactly 70/s, 9 in flight" in shown
    assert KEY not in shown
    assert "sesame" not in shown


def test_what_is_typed_counts_before_the_file(tmp_path: Path) -> None:
    """And the environment likewise; a lane's own before what is for all."""
    put(tmp_path)

    def plan(*words: str, **env: str) -> str:
        ended = run_command(
            *("delete", "ids.txt", "-p", "eu-files", "--dry-run", *words),
            cwd=tmp_path,
            env={**ENV, "GATE": "1", **env},
        )
        return ended.out + ended.err

    assert "at 70/s" in plan()
    assert "at 5/s" in plan("--rate", "5")
    assert "at 6/s" in plan(BULKDEL_DELETE_RATE="6")
    assert "at 30/s" in plan("--rate", "auto", "--rate-max", "30")
    assert "give one of them, or --rate auto" in plan("--rate-max", "30")
    assert "http://127.0.0.1:8/v1" in plan("--base-url", "http://127.0.0.1:8/v1")
    assert "no provider 'eu'" in plan("--config", "none")
    assert "header 'X-Gate': the variable of its value is not set" in plan(GATE="")


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("attempts", "atempts", "line 16: [delete] atempts: there is no such key"),
        ("attempts = 4", 'attempts = "many"', "line 16: [delete] attempts: 'many' is not a valid"),
        ("yes = true", 'yes = "no"', "line 14: [delete] yes: it must be true or false"),
        ("yes = true", 'base_url = "x"', "line 14: [delete] base_url: say it of one lane"),
        ("rate = 70", 'rate = "fast"', "line 11: [lanes.eu-files] rate: must be a number or"),
        ("limit = 7", "limit = 0", "line 18: [list] limit: 0 is not in the range"),
        ("limit = 7", "limit = [1]", "line 18: [list] limit: it must be a text or a number"),
    ],
)
def test_a_wrong_file_is_refused_by_every_command(
    was: str, now: str, words: str, tmp_path: Path
) -> None:
    """What is wrong for the next command is better known now."""
    put(tmp_path, **{was: now})

    for command in (["delete", "ids.txt", "-p", "acme:files", "--yes"], ["providers"]):
        ended = run_command(*command, cwd=tmp_path, env=ENV)
        assert ended.code == 2
        assert f"bulkdel.toml, {words}" in ended.err
        assert ended.out == ""


def test_the_file_is_found_here_or_in_the_users_folder_or_named(tmp_path: Path) -> None:
    """One counts, and which one is said."""
    here, own, other = (tmp_path / name for name in ("here", "own/bulkdel", "other"))
    for number, folder in enumerate((here, own, other), start=1):
        folder.mkdir(parents=True)
        put(folder, **{"9/v1": f"{number}/v1"})
    env = {"XDG_CONFIG_HOME": str(own.parent), "GATE": "1"}

    assert ":1/v1" in checked(here, "eu-files", **env).out
    assert ":3/v1" in checked(here, "eu-files", "--config", other / "bulkdel.toml", **env).out
    assert ":3/v1" in checked(here, "eu-files", **env, BULKDEL_CONFIG=f"{other}/bulkdel.toml").out
    (here / "bulkdel.toml").unlink()
    assert ":2/v1" in checked(here, "eu-files", **env).out
    assert "No such file" in checked(here, "eu-files", "--config", "nowhere.toml", **env).err


@pytest.mark.skipif(os.name != "posix", reason="owners of files")
def test_a_file_that_others_could_have_put_there_is_not_used_unasked(tmp_path: Path) -> None:
    """It could send the key to another host."""
    path = put(tmp_path)
    path.chmod(0o666)

    found = checked(tmp_path, "acme:files")
    named = checked(tmp_path, "acme:files", "--config", "bulkdel.toml")

    assert found.code == 2
    assert "it could send your key elsewhere. Give --config bulkdel.toml" in found.err
    assert named.code == 0


def test_a_key_that_only_the_file_names_is_not_shown_by_a_crash(tmp_path: Path) -> None:
    """Its variable is known by the file alone."""
    from bulkdel.cli.crash import Trace, crash_text

    named = put(tmp_path).read_text()
    text = crash_text(
        RuntimeError("near eu-key-12345678"), Trace(named=named), {"EU_KEY": "eu-key-12345678"}, []
    )

    assert "eu-key" not in text
