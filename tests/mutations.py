"""Plant faults in the engine, one at a time, and see that some test fails for each.

    python tests/mutations.py              all of them
    python tests/mutations.py torn lock    those whose name holds one of these words
    python tests/mutations.py --nothing    plant nothing: then the same tests must pass

With nothing planted, "MISSED" is what every line must say.

Package and tests are copied into a temporary folder, one fault is planted there, and the
tests that should catch it are run there. It says "caught" or "MISSED" for each, and exits with 1
if one was missed or a patch no longer fits.

A fault is a text in a file and what takes its place; the text must be there exactly once. So
a change of the engine that a patch no longer fits is noticed (`test_mutations`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
HUNG_S: Final = 120
"""Seconds after which a planted fault counts as caught: the tests hang."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault.

    Attributes:
        name: What goes wrong.
        file: The file below the package.
        old: The text that is there, once.
        new: The text in its place.
        tests: What should catch it: arguments of pytest.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def fits(self, package: Path) -> bool:
        """Say whether its text is there, once."""
        return (package / self.file).read_text(encoding="utf-8").count(self.old) == 1

    def plant(self, package: Path) -> None:
        """Change the copy of the package.

        Raises:
            ValueError: The text is not there exactly once.
        """
        path = package / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has its text {text.count(self.old)} times")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()  # it is told from the source by second and size, which may be the same


SIMULATION: Final = ("simulation/test_simulation.py", "-k", "fault[0]")

MUTATIONS: Final = (
    # -- transport
    Mutation(
        "take a part for the whole answer if its head is known",
        "transport/parser.py",
        "known is not None and len(piece) - end == known.body_bytes",
        "known is not None",
        ("transport/test_heads.py",),
    ),
    Mutation(
        "take an answer for whole whatever else is in its piece",
        "transport/parser.py",
        "if len(piece) - end != len(body):",
        "if False:",
        ("transport/test_heads.py",),
    ),
    Mutation(
        "use a connection again on which something came unasked",
        "transport/connection.py",
        "            else:  # nobody has asked\n                self._reject()\n",
        "            else:\n                pass\n",
        ("transport/test_unasked.py",),
    ),
    Mutation(
        "believe an answer that came before its request arrived",
        "transport/connection.py",
        "if unacknowledged(self._socket.fileno()):",
        "if False:",
        ("transport/test_attribution.py",),
    ),
    Mutation(
        "believe an answer that names no ID without a rest",
        "transport/pool.py",
        "            await asyncio.sleep(self._answer_time.rest_s)\n",
        "            pass\n",
        ("transport/test_attribution.py",),
    ),
    Mutation(
        "believe an answer although more has come",
        "transport/pool.py",
        "        if connection.unasked:\n            raise NoAnswerError(_MORE_CAME)\n\n    def",
        "        if False:\n            raise NoAnswerError(_MORE_CAME)\n\n    def",
        ("transport/test_attribution.py",),
    ),
    Mutation(
        "take a part of another ID for the ID",
        "transport/attribution.py",
        "    return (at == 0 or body[at - 1] not in _WORD) and (end == len(body) or body[end] not in _WORD)",
        "    return end > 0",
        ("transport/test_attribution.py",),
    ),
    Mutation(
        "keep a connection that is one answer behind",
        "transport/pool.py",
        "            connection.spoiled = True  # it may be",
        "            pass  # it may be",
        ("transport/test_attribution.py",),
    ),
    Mutation(
        "use a connection for ever",
        "transport/pool.py",
        "connection.spoiled or connection.requests >= REQUESTS_MAX",
        "connection.spoiled",
        ("transport/test_attribution.py",),
    ),
    Mutation(
        "use a connection again where nobody sees what else came",
        "transport/session.py",
        "endpoint.connector(keep_alive=False)",
        "endpoint.connector()",
        ("transport/test_transport.py", "-k", "session"),
    ),
    # -- what nobody expects
    Mutation(
        "cancel what is in flight for a mistake of ours",
        "engine/runner.py",
        "            self.work.control.break_off(exc)\n",
        "            raise\n",
        ("engine/test_unexpected.py",),
    ),
    Mutation(
        "go on after a mistake of ours",
        "engine/run.py",
        "            self.unexpected = cause if isinstance(cause, Exception) else exc\n        self._drain()\n",
        "            self.unexpected = cause if isinstance(cause, Exception) else exc\n",
        ("engine/test_unexpected.py",),
    ),
    Mutation(
        "read the words of an answer before the key is hidden in it",
        "engine/settling.py",
        "        if shown is answer:\n",
        "        if True:\n",
        ("test_secrets.py", "-k", "in_parts"),
    ),
    Mutation(
        "hide a key only where it is written as it is",
        "secret.py",
        "(_UNIT.finditer(text), _CHAR.finditer(text))",
        "(_CHAR.finditer(text),)",
        ("test_secret.py", "-k", "written"),
    ),
    Mutation(
        "keep the request head in a variable",
        "transport/connection.py",
        "        self.write(head(object_id))\n",
        "        data = head(object_id)\n        self.write(data)\n",
        ("test_secrets.py", "-k", "no_frame"),
    ),
    Mutation(
        "show a key that an error has in its words",
        "cli/crash.py",
        "        text = secret.hide(text)\n",
        "        pass\n",
        ("cli/test_command_crash.py",),
    ),
    Mutation(
        "take a header of another shape for one of ours",
        "engine/resume.py",
        "    return value if isinstance(value, str) else repr(value)\n",
        "    return value  # type: ignore[return-value]\n",
        ("fuzz/test_logs.py",),
    ),
    Mutation(
        "end a run badly for a summary that nobody can read",
        "cli/delete_job.py",
        "            drop_stdout()\n",
        "            raise\n",
        ("cli/test_command_streams.py",),
    ),
    Mutation(
        "let a log be opened as stderr",
        "cli/streams.py",
        "            os.open(os.devnull, os.O_RDWR)",
        "            pass",
        ("cli/test_command_streams.py",),
    ),
    Mutation(
        "let a log steer the terminal",
        "utf8.py",
        '        return text\n    return "".join(',
        '        return text\n    return text or "".join(',
        ("cli/test_command_streams.py",),
    ),
    Mutation(
        "cut off a log whose line ends are CR",
        "result_log/blocks.py",
        '    if _RECORDS_WITHOUT_END in start.split(b"\\n", 1)[0]:',
        "    if not start and path.is_dir():",
        ("cli/test_command_odd_files.py",),
    ),
    Mutation(
        "ask on after a confirmation of another ID",
        "providers/words.py",
        '        if body.get("deleted") is True:',
        '        if body.get("deleted") == "never":',
        ("engine/test_lane_guards.py", "-k", "another_id"),
    ),
    Mutation(
        "read interim answers without end",
        "transport/connection.py",
        "INTERIM_MAX: Final = 32",
        "INTERIM_MAX: Final = 1 << 60",
        ("transport/test_answers.py", "-k", "flood"),
    ),
    Mutation(
        "open more connections than files are allowed",
        "cli/open_files.py",
        "    if left >= wanted:\n",
        "    if left:\n",
        ("cli/test_command_process.py",),
    ),
    Mutation(
        "give up at once what an outage has met",
        "engine/transients.py",
        "        return self._recorder.limits_deletes or self._suspects.is_guilty(waiting)\n",
        "        return True\n",
        ("engine/test_lane_guards.py", "-k", "few_attempts"),
    ),
    Mutation(
        "forget those that failed alone at the end",
        "engine/settling.py",
        "            self._transients.finish()\n",
        "",
        ("engine/test_lane_guards.py", "-k", "fails_alone"),
    ),
    # -- verdicts
    Mutation(
        "take any 200 for a deletion",
        "providers/rules.py",
        "    return Meaning.TRANSIENT, LimitKind.UNKNOWN\n",
        "    meaning = Meaning.DELETED if status == 200 else Meaning.TRANSIENT\n"
        "    return meaning, LimitKind.UNKNOWN\n",
        ("providers/test_providers.py",),
    ),
    Mutation(
        "take any 200 for a deletion (seen by the simulation)",
        "providers/rules.py",
        "    return Meaning.TRANSIENT, LimitKind.UNKNOWN\n",
        "    meaning = Meaning.DELETED if status == 200 else Meaning.TRANSIENT\n"
        "    return meaning, LimitKind.UNKNOWN\n",
        SIMULATION,
    ),
    Mutation(
        "believe deleted: false",
        "providers/words.py",
        '        if body.get("deleted") is False:',
        '        if body.get("deleted") is False:\n            return DELETED\n        if False:',
        ("providers/test_providers.py",),
    ),
    Mutation(
        "take any 404 for gone",
        "providers/rules.py",
        "status in NOT_FOUND:\n        return Meaning.ENDPOINT,",
        "status in NOT_FOUND:\n        return Meaning.GONE,",
        ("providers/test_providers.py",),
    ),
    Mutation(
        "find the words for missing anywhere in a message",
        "providers/words.py",
        "error.message == self.text.replace(_OUR_ID, object_id)",
        "self.text.replace(_OUR_ID, object_id) in error.message",
        ("providers/test_finals.py",),
    ),
    Mutation(
        "take no notice of what stands beside a confirmation",
        "providers/words.py",
        "return name in confirmation.fields or mute(name, value)",
        "return True",
        ("providers/test_finals.py",),
    ),
    Mutation(
        "take no notice of what stands beside the words for missing",
        "providers/words.py",
        "mute(name, value) or _repeats(name, value, status) for name, value in error.rest",
        "True for name, value in error.rest",
        ("providers/test_finals.py",),
    ),
    Mutation(
        "read a name that comes twice as its last value",
        "providers/answers.py",
        "if not isinstance(value, dict) or _says_twice(body, value):",
        "if not isinstance(value, dict):",
        ("providers/test_finals.py",),
    ),
    Mutation(
        "remember a confirmation whatever the ID stands for in it",
        "providers/shapes.py",
        "if not self._is_final(_OTHER_ID, shape.replace(_MARK, _OTHER_ID.encode())):",
        "if False:",
        ("providers/test_finals.py",),
    ),
    Mutation(
        "read an error only where it usually stands",
        "providers/bodies.py",
        "for held in _held(part) if depth < DEPTH_MAX else ():",
        "for held in _held(part) if depth < 1 else ():",
        ("providers/test_wrapped_bodies.py",),
    ),
    Mutation(
        "take a firewall's page for a refused key",
        "providers/tables.py",
        "Rule(meaning=Meaning.ENDPOINT, statuses={403}, page=True)",
        "Rule(meaning=Meaning.KEY_REFUSED, statuses={403}, page=True)",
        ("providers/test_real_answers.py",),
    ),
    Mutation(
        "take what a server error quotes for an answer to us",
        "providers/rules.py",
        "(said[:1] if status >= 500 else said)",
        "said",
        ("providers/test_wrapped_bodies.py",),
    ),
    Mutation(
        "believe a LiteLLM proxy's confirmation of any ID",
        "providers/litellm.py",
        "(named in ours.known or (ours.is_sealed and _is_usual(named)))",
        "_is_usual(named)",
        ("providers/test_litellm.py",),
    ),
    Mutation(
        "find a LiteLLM proxy's words for missing anywhere in a message",
        "providers/litellm.py",
        "_NOT_FOUND.fullmatch(error.message)",
        "_NOT_FOUND.search(error.message)",
        ("providers/test_litellm.py",),
    ),
    # -- the right URL
    Mutation(
        "leave characters of an ID as they are",
        "object_id.py",
        'return quote(object_id, safe="")',
        "return object_id",
        ("test_object_id.py",),
    ),
    Mutation(
        "let slashes into an ID",
        "object_id.py",
        'RESERVED: Final = "/',
        'RESERVED: Final = "',
        ("test_object_id.py",),
    ),
    Mutation(
        "let characters into an ID that nobody sees",
        "object_id.py",
        "            and _UNSEEN(char) is None\n",
        "",
        ("test_object_id.py",),
    ),
    # -- what a source names
    Mutation(
        "go on behind a row that is none of the table",
        "sources/table.py",
        "            raise lost_at(self._label, row.line, reason)\n        object_id",
        "            sorter.refuse(row.line, row.data, reason)\n            return\n        object_id",
        ("sources/test_framing.py",),
    ),
    Mutation(
        "take the lines of a quoted cell for rows",
        "sources/table_rows.py",
        "if quotes % 2 == 0:",
        "if True:",
        ("sources/test_framing.py",),
    ),
    Mutation(
        "go on inside a JSON record",
        "sources/jsonl.py",
        "if not nesting.is_closed:",
        "if False:",
        ("sources/test_framing.py",),
    ),
    Mutation(
        "take one of two IDs of a JSON row",
        "sources/json_field.py",
        "        if any(line.count(quoted) > 1 for quoted in self._quoted):",
        "        if False:",
        ("sources/test_fields.py",),
    ),
    Mutation(
        "take half a line of a pipe for an ID",
        "sources/lines.py",
        "reason = end_doubt()",
        "reason = None",
        ("sources/test_framing.py",),
    ),
    Mutation(
        "follow redirects",
        "transport/session.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ("transport/test_transport.py", "-k", "redirect"),
    ),
    Mutation(
        "let aiohttp send a request twice",
        "transport/session.py",
        "        session._retry_connection = False",
        "        session._retry_connection = True",
        ("transport/test_transport.py", "transport/test_aiohttp.py"),
    ),
    # -- the log
    Mutation(
        "drop a line of a group",
        "result_log/writer.py",
        'b"".join(lines)',
        'b"".join(lines[1:] if len(lines) > 2 else lines)',
        SIMULATION,
    ),
    Mutation(
        "skip the sync",
        "result_log/writer.py",
        "            await self._run_blocking(self._file.sync)\n",
        "            pass\n",
        SIMULATION,
    ),
    Mutation(
        "leave a torn line where it is",
        "result_log/file.py",
        "        file.cut(end)\n",
        "        pass\n",
        ("result_log/test_file.py",),
    ),
    Mutation(
        "leave a half-written group where it is",
        "result_log/file.py",
        "            with contextlib.suppress(OSError):\n                self.cut(self.size)\n",
        "",
        ("result_log/test_file.py",),
    ),
    Mutation(
        "lose what a failed write held",
        "result_log/writer.py",
        "            self._lines = lines + self._lines\n",
        "",
        SIMULATION,
    ),
    Mutation(
        "go on after the log has failed",
        "result_log/writer.py",
        "        return self.error is None and ",
        "        return ",
        ("result_log/test_writer.py", "engine/test_lane.py"),
    ),
    Mutation(
        "do not look at the length of the log",
        "result_log/file.py",
        "        if stat.S_ISREG(found.st_mode) and found.st_size != size:",
        "        if False:",
        ("result_log/test_rescue.py",),
    ),
    Mutation(
        "leave what was written last out of a rescue",
        "result_log/rescue.py",
        "    newest = recent.joined()\n",
        '    newest = b""\n',
        ("result_log/test_rescue.py",),
    ),
    Mutation(
        "save another log that has come into the file of ours",
        "result_log/rescue.py",
        "    if not _is_ours(fd, recent.beginning, whole):",
        "    if False:",
        ("result_log/test_rescue.py",),
    ),
    Mutation(
        "say nothing of the lines that a rescue lacks",
        "result_log/writer.py",
        "self._missing = rescued, max(0, results - rescued.results)",
        "self._missing = rescued, 0",
        ("result_log/test_rescue.py",),
    ),
    Mutation(
        "lose the lines of a group for want of memory",
        "result_log/writer.py",
        "        except BaseException as exc:\n            self._lines = lines + self._lines\n",
        "        except Exception as exc:\n            if isinstance(exc, OSError):\n"
        "                self._lines = lines + self._lines\n",
        ("result_log/test_writer.py",),
    ),
    Mutation(
        "write a file name that is not UTF-8 into the log as it is",
        "result_log/writer.py",
        "self.append_line(json_bytes(record) + b",
        'self.append_line(__import__("orjson").dumps(record) + b',
        ("cli/test_command_names.py",),
    ),
    Mutation(
        "print only what the locale can write",
        "cli/streams.py",
        'errors="backslashreplace"',
        'errors="strict"',
        ("cli/test_command_names.py",),
    ),
    Mutation(
        "take no lock",
        "result_log/lock.py",
        "            locked = _try_lock(fd)\n",
        "            locked = True\n",
        ("result_log/test_lock.py",),
    ),
    Mutation(
        "take any file beside the log for a note of ours",
        "result_log/lock.py",
        " and _NOTE.fullmatch(text) else None",
        " else None",
        ("result_log/test_lock.py",),
    ),
    # -- unknown words
    Mutation(
        "believe an unknown 404 without a look at the object",
        "engine/comparison.py",
        '                return "so the object is there"\n',
        "                return None\n",
        ("engine/test_comparison.py", "-k", "fit or whatever"),
    ),
    Mutation(
        "take any path's 404 for gone",
        "engine/comparison.py",
        "            if heard != self._said:",
        "            if True:",
        ("engine/test_comparison.py", "-k", "fit or whatever"),
    ),
    Mutation(
        "take a 404 below any parent for gone",
        "engine/comparison.py",
        "        parent = [Question(PARENT, below, made_up)] if resource.whose else []",
        "        parent = []",
        ("cli/test_command_param.py", "-k", "burns_no_id"),
    ),
    Mutation(
        "take any answer for that of a missing object",
        "engine/comparison.py",
        "        return None if same else",
        "        return None if True else",
        ("engine/test_comparison.py", "-k", "fit or whatever"),
    ),
    Mutation(
        "ask for the deletion of an ID of the user's at a made-up path",
        "engine/comparison.py",
        "Question(PATH, likeness.impossible_path(delete, rng), made_up)",
        "Question(PATH, likeness.impossible_path(delete, rng), object_id)",
        ("engine/test_comparison.py", "-k", "made_up"),
    ),
    Mutation(
        "make up the ID that there is",
        "providers/likeness.py",
        '    return start + "".join(rng.choices("0123456789abcdef", k=_RANDOM_CHARS))\n',
        "    return like\n",
        ("providers/test_likeness.py",),
    ),
    # -- one ID
    Mutation(
        "take a lost answer for a deletion",
        "engine/transients.py",
        "        self.settle(Suspect(waiting, verdict, None, sent_s, now_s), is_last=is_last)\n",
        "        self._recorder.end(waiting, Outcome.DELETED, verdict, None, sent_s, now_s)\n",
        SIMULATION,
    ),
    Mutation(
        "log the deletion before the answer",
        "engine/runner.py",
        "                answer = await self._transport.send(taken)\n",
        "                work._settling._recorder.end_deleted(taken, Answer(200), 0.0)\n"
        "                answer = await self._transport.send(taken)\n",
        SIMULATION,
    ),
    Mutation(
        "forget an ID that was refused",
        "engine/settling.py",
        "            self._retries.put_back(waiting, now_s + wait_s)\n",
        "            pass\n",
        SIMULATION,
    ),
    Mutation(
        "forget that an answer was lost",
        "engine/transients.py",
        "        waiting.unknown = waiting.unknown or isinstance(error, NoAnswerError)\n",
        "",
        ("engine/test_lane_retries.py", "-k", "lost_answer"),
    ),
    Mutation(
        "send an ID as often as it comes",
        "result_log/index.py",
        "        known.put(digests[self._fresh[states]], _SEEN)\n",
        "",
        ("result_log/test_index.py",),
    ),
    Mutation(
        "try an ID for ever",
        "retry.py",
        "tenacity.stop_after_attempt(attempts_max)",
        "tenacity.stop_never",
        ("test_retry.py",),
    ),
    Mutation(
        "wait less than the provider asks",
        "retry.py",
        "        return max(self._drawn(retry_state), min(asked_s or 0.0, RETRY_AFTER_MAX_S))\n",
        "        return self._drawn(retry_state)\n",
        ("test_retry.py",),
    ),
    # -- what the user types
    Mutation(
        "give a lane's own value to every lane",
        "cli/lane_values.py",
        "if each.lane == lane]",
        "if each.lane]",
        ("cli/test_lanes.py",),
    ),
    Mutation(
        "forget a setting for a lane that the run does not have",
        "cli/lanes.py",
        "            if each.lane is not None and each.lane not in names and not each.in_file:\n",
        "            if False:\n",
        ("cli/test_lanes.py",),
    ),
    Mutation(
        "use a file of settings that others could have put there",
        "cli/config_file.py",
        "        _check_owner(here)\n",
        "",
        ("cli/test_command_config.py",),
    ),
    Mutation(
        "list anew before the last list is worked through",
        "cli/from_list.py",
        "        if summary.state is State.FINISHED and not summary.counts.pending:\n",
        "        if True:\n",
        ("cli/test_command_from_list.py",),
    ),
    Mutation(
        "send what a pipe of something else holds",
        "cli/id_check.py",
        "                    raise SourceError(why)\n",
        "                    pass\n",
        ("cli/test_command_pipes.py",),
    ),
    Mutation(
        "forget the object that a look has shown",
        "engine/settling.py",
        "            self._keep(ended.shown)\n",
        "",
        ("engine/test_lane_gone.py",),
    ),
    Mutation(
        "take a ban for a window",
        "pacing/controller.py",
        "        if self.penalty.is_one(self.window.size):\n",
        "        if False:\n",
        ("pacing/test_ban.py",),
    ),
    Mutation(
        "ignore an option that the library does not know",
        "options.py",
        "    _check_names(options)\n    _check_types(options)\n    return Given(**options)\n",
        "    known = {n: v for n, v in options.items() if n in Given.__dataclass_fields__}\n"
        "    return Given(**known)\n",
        ("test_api.py",),
    ),
    # -- how many, how fast
    Mutation(
        "seal each group by itself",
        "result_log/seal.py",
        "        self._hash = hashlib.sha256(bytes.fromhex(seal.sha256))\n",
        "        self._hash = hashlib.sha256()\n",
        ("result_log/test_seal.py",),
    ),
    Mutation(
        "seal on what was changed",
        "result_log/seal.py",
        "        if line != due.line():\n            raise ConfigError(",
        "        if False:\n            raise ConfigError(",
        ("result_log/test_seal.py", "-k", "not_sealed_on"),
    ),
    Mutation(
        "take an empty answer for an empty list",
        "providers/listing.py",
        '            raise PageError("the page is not JSON") from None\n',
        "            return Page([], None)\n",
        ("engine/test_listing.py", "-k", "no_page"),
    ),
    Mutation(
        "list on while the same page comes",
        "engine/listing.py",
        "            if self.in_circles:\n                return\n",
        "",
        ("engine/test_listing.py", "-k", "circles"),
    ),
    Mutation(
        "take for old what has no time",
        "engine/choice.py",
        "not (made_s is not None and made_s < self.before_s)",
        "not (made_s is None or made_s < self.before_s)",
        ("engine/test_listing.py", "-k", "old"),
    ),
    Mutation(
        "call absent what any path is answered with",
        "engine/verify.py",
        "        return likeness.said(object_id, self._get, answer) != self._no_path\n",
        "        return True\n",
        ("engine/test_verify.py", "-k", "wrong_address"),
    ),
    Mutation(
        "take an ID by another name for ours in a confirmation",
        "providers/words.py",
        'if name == "id" or confirmation.fields.get(name) == _OUR_ID:',
        'if name == "id":',
        ("providers/test_declared.py", "-k", "another_object"),
    ),
    Mutation(
        "leave nothing to who shares a limit",
        "pacing/leave.py",
        "            rate *= kept\n",
        "            pass\n",
        ("pacing/test_leave.py", "-k", "others_are"),
    ),
    Mutation(
        "let the end of a line hide why a lane stands",
        "reporting/state_line.py",
        "    found = [Piece(state(lane, eta_s), 0)]\n",
        "    found = [Piece(state(lane, eta_s), 4)]\n",
        ("reporting/test_state_line.py",),
    ),
    Mutation(
        "tell of every stray refusal as a pause",
        "reporting/pauses.py",
        "PAUSE_S: Final = 2.0",
        "PAUSE_S: Final = 0.0",
        ("reporting/test_state_line.py", "-k", "once"),
    ),
    Mutation(
        "keep --rate only where IDs are taken",
        "engine/runner.py",
        "            self._have_gate()\n",
        "            pass\n",
        ("engine/test_lane.py", "-k", "written"),
    ),
    Mutation(
        "write at once what waited for its connection",
        "transport/pool.py",
        "        while self.gate is not None and not self.gate.may_write(late=late):\n",
        "        while False:\n",
        ("transport/test_gate.py",),
    ),
    Mutation(
        "count a place in flight twice",
        "engine/lane.py",
        "        self.in_flight += 1\n",
        "        self.in_flight += 2\n",
        ("engine/test_lane.py", "-k", "starts_small"),
    ),
    Mutation(
        "send a request more than there are places",
        "engine/lane.py",
        "        if self.in_flight >= self.places:",
        "        if self.in_flight > self.places:",
        ("engine/test_steering.py",),
    ),
    Mutation(
        "leave retries out of the rate",
        "engine/lane.py",
        "        self.pace.sent(now_s, self.in_flight)\n",
        "        if isinstance(taken, str):\n            self.pace.sent(now_s, self.in_flight)\n",
        ("engine/test_lane.py", "-k", "users_rate"),
    ),
    Mutation(
        "let retries multiply the load",
        "retry.py",
        "        self._left -= 1.0\n",
        "",
        ("engine/test_lane_retries.py", "-k", "multiply"),
    ),
    Mutation(
        "have one lane wait for another",
        "engine/feeder.py",
        "await spills[part.block.lane].add(ids)",
        "await self._queues[part.block.lane].put(ids)",
        ("engine/test_queue.py", "-k", "mixed"),
    ),
    # -- guards
    Mutation(
        "end the run at one stray 401",
        "guards/lane_guard.py",
        "        if not (self._phase is _Phase.HELD and self.probe_id is not None):\n",
        "        if False:\n",
        ("engine/test_lane_guards.py", "-k", "stray"),
    ),
    Mutation(
        "stop at one poisoned ID",
        "guards/alone.py",
        "OTHERS_MAX: Final = 5",
        "OTHERS_MAX: Final = 0",
        ("engine/test_lane_alone.py", "-k", "revoked or poisoned"),
    ),
    Mutation(
        "let any number fail alone",
        "guards/lane_guard.py",
        "            self._alone.note(accusation.object_id)\n",
        "            pass\n",
        ("engine/test_lane_alone.py", "-k", "too_many"),
    ),
    Mutation(
        "ask in an outage only the IDs that failed",
        "guards/lane_guard.py",
        "and plain and self._probes % 2 == 0",
        "and plain and False",
        ("engine/test_lane_alone.py", "-k", "shard"),
    ),
    Mutation(
        "send other IDs to who has confirmed another",
        "engine/settling.py",
        "others_tell=answer is not None and answer.status >= 300,",
        "others_tell=True,",
        ("engine/test_lane_alone.py", "-k", "confirms_another"),
    ),
    Mutation(
        "believe at once that all is gone",
        "engine/recorder.py",
        "        elif self._gone.believes(sent_s):\n",
        "        elif True:\n",
        ("engine/test_lane_doubts.py", "-k", "gone"),
    ),
    Mutation(
        "write what was doubted when the run is drained",
        "engine/lane.py",
        "early=self.draining or self.guard.stop is not None",
        "early=self.guard.stop is not None",
        ("engine/test_lane_doubts.py", "-k", "doubted"),
    ),
    Mutation(
        "believe a row of gone without a look",
        "guards/lane_guard.py",
        "            self.is_looking = True\n",
        "            self._reopen()\n",
        ("engine/test_lane_gone.py", "-k", "empty_replica"),
    ),
    Mutation(
        "take an answer that left before for a sight of the object",
        "guards/gone.py",
        "        if sent_s < self._seen_s:\n",
        "        if self._seen_s > 0:\n",
        ("engine/test_lane_gone.py", "guards/test_guards.py"),
    ),
    Mutation(
        "let a GET prove that deletions are served",
        "engine/settling.py",
        "ended.shown is not None and self._guard.has_deleted",
        "ended.shown is not None",
        ("engine/test_lane_gone.py", "-k", "alone"),
    ),
    Mutation(
        "take for done what is gone in doubt",
        "result_log/index.py",
        "retry_gone or not allow_gone",
        "retry_gone",
        ("engine/test_lane_gone.py", "-k", "few or doubt"),
    ),
    Mutation(
        "never pause for an outage",
        "guards/lane_guard.py",
        "TRANSIENT_IDS_MAX: Final = 10\n",
        "TRANSIENT_IDS_MAX: Final = 10**9\n",
        ("engine/test_lane_guards.py", "-k", "outage"),
    ),
    Mutation(
        "fail IDs for an outage",
        "guards/lane_guard.py",
        "        if len(self._transients) >= enough:\n",
        "        if exhausted:\n            return True\n        if len(self._transients) >= enough:\n",
        ("guards/test_guards.py",),
    ),
    Mutation(
        "forget what an earlier run may have deleted",
        "engine/resume.py",
        "keeps_unknown=settings.max_delete is not None",
        "keeps_unknown=False",
        ("engine/test_lane_limits.py", "-k", "resumes"),
    ),
    Mutation(
        "forget what is left to do and may be deleted",
        "engine/run.py",
        "                            _append_unknown(log, name, lane.work.left_unknown)\n",
        "                            pass\n",
        ("engine/test_lane_limits.py", "-k", "resumes"),
    ),
    Mutation(
        "let requests in flight pass --max-delete",
        "guards/budgets.py",
        "        return self.used + self._reserved < self._most\n",
        "        return self.used < self._most\n",
        ("engine/test_lane_limits.py", "-k", "max_delete"),
    ),
    Mutation(
        "keep the places of a stopped lane",
        "engine/lane.py",
        "                self.control.deletes.release(deleted=waiting.unknown)\n",
        "                pass\n",
        ("engine/test_lane_limits.py", "-k", "places"),
    ),
    Mutation(
        "a report lets words of a log become elements",
        "reporting/report/markup.py",
        'tostring(root, encoding="unicode", method="html")',
        'tostring(root, encoding="unicode", method="html").replace("&lt;", "<")',
        ("reporting/report/test_pages.py",),
    ),
    Mutation(
        "a report is written over a log",
        "cli/report.py",
        "if is_log or not is_ours:",
        "if False:",
        ("cli/test_command_report.py", "-k", "written_over"),
    ),
    Mutation(
        "a report counts every line instead of the last one",
        "result_log/failures.py",
        'part.ended.append((line["lane"], line["id"]) in ended)',
        "part.ended.append(True)",
        ("reporting/report/test_gather.py", "result_log/test_failures.py"),
    ),
    Mutation(
        "a report is silent on a log that was changed",
        "reporting/report/evidence.py",
        "changed=checked.wrong if checked is not None else None,",
        "changed=None,",
        ("reporting/report/test_gather.py", "-k", "evidence"),
    ),
    Mutation(
        "a timeline counts a result again when its bins grow",
        "result_log/timeline.py",
        "self._keys, self._counts = self._keys[:0], self._counts[:0]",
        "pass",
        ("result_log/test_timeline.py",),
    ),
    Mutation(
        "a pause by hand uses up the time of an outage",
        "engine/lane.py",
        "            self.guard.slept(self._paused_s, now_s)\n",
        "",
        ("engine/test_steering.py",),
    ),
    Mutation(
        "a lane sends in a pause",
        "engine/lane.py",
        "            self._paused_s = now_s\n            self.places = 0\n",
        "            self._paused_s = now_s\n",
        ("engine/test_steering.py",),
    ),
    Mutation(
        "a new rate gives a place twice",
        "engine/lane.py",
        "        self._pace_from_s = now_s + min(wait_s, RETRY_AFTER_MAX_S)\n",
        "",
        ("engine/test_steering.py", "-k", "ceiling or come_back"),
    ),
    Mutation(
        "anybody may steer a run",
        "control/server.py",
        "if uid in (0, ours) else None",
        "",
        ("cli/test_command_control.py", "-k", "nobody_else"),
    ),
    Mutation(
        "a run removes a file in its socket's place",
        "control/server.py",
        "if not stat.S_ISSOCK(path.lstat().st_mode):",
        "if not path.exists():",
        ("cli/test_command_control.py", "-k", "not_touched"),
    ),
    Mutation(
        "an order that cannot be followed stands in the log",
        "engine/steering.py",
        "            replace(lane.work.lane, rate=order.value)  # refuses what is out of range\n",
        "            pass\n",
        ("engine/test_steering.py",),
    ),
    Mutation(
        "an ID of unknown age is deleted for its age",
        "engine/aging.py",
        "        if time_s is None or not FIRST_S <= time_s <= self._last_s:\n            return False\n",
        "        if time_s is None:\n            return True\n",
        ("engine/test_aging.py",),
    ),
    Mutation(
        "random digits are taken for a time",
        "engine/aging.py",
        "        if untrue > _FALSE_MAX * len(told):\n",
        "        if untrue > len(told):\n",
        ("engine/test_aging.py",),
    ),
)


def judge(mutation: Mutation, *, plant: bool = True) -> str:
    """Plant one fault and run its tests; return "caught", "MISSED" or what is wrong with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("bulkdel", "tests"):  # with what is compiled: that is half of the time
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "pyproject.toml", folder)
        if plant:
            try:
                mutation.plant(folder / "bulkdel")
            except ValueError as exc:
                return str(exc)
        try:
            ran = run_tests(mutation.tests, folder)
        except subprocess.TimeoutExpired:
            return "caught"
    if ran.returncode in (0, 1):
        return "caught" if ran.returncode else "MISSED"
    return f"its tests do not run:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"


def run_tests(tests: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy of the project.

    Raises:
        TimeoutExpired: They hang.
    """
    places = [f"tests/{part}" if part.endswith(".py") else part for part in tests]
    own = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    # Looking for plugins takes two thirds of the time of a short test; these are what tests need.
    own["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ("no:cacheprovider", "pytest_timeout", "anyio.pytest_plugin")
    flags = [word for plugin in plugins for word in ("-p", plugin)]
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-x", "-q", *flags, *places],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=HUNG_S,
        check=False,
    )


def judge_all(mutations: Sequence[Mutation], *, plant: bool = True) -> int:
    """Judge faults, say what came of each, and return how many were not as they should be."""
    wanted = "caught" if plant else "MISSED"

    def judged(mutation: Mutation) -> tuple[Mutation, str, float]:
        began_s = time.perf_counter()
        return mutation, judge(mutation, plant=plant), time.perf_counter() - began_s

    bad = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for mutation, verdict, took_s in threads.map(judged, mutations):
            bad += verdict != wanted
            print(f"{verdict:8}{took_s:6.1f} s  {mutation.name}", flush=True)
    print(f"{len(mutations) - bad} of {len(mutations)} were {wanted}")
    return bad


def main(words: list[str]) -> int:
    """Judge all faults, or those that are named; or see that the tests pass without any."""
    if words == ["--nothing"]:
        each_once = {mutation.tests: mutation for mutation in MUTATIONS}
        return 1 if judge_all(list(each_once.values()), plant=False) else 0
    chosen = [
        mutation
        for mutation in MUTATIONS
        if not words or any(word in mutation.name for word in words)
    ]
    return 1 if judge_all(chosen) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
