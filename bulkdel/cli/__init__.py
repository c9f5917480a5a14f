"""The command line: the only place that prints and reads the environment.

    delete list verify logs status control failed explain report seal providers completion demo
    emulate bench   one command each; seal has two: seal and check

    fields          options declared as one frozen object; lane_values: [LANE=]VALUE
    delete_options  those of ``bulkdel delete``; lanes: sources and lanes out of them
    config_file     the file of settings: found, read, and put where flags are looked for
    row_lanes       the lanes that rows name; id_check: whether sources hold IDs of theirs
    cluster_job     the same on a cluster (``--ray``), and a folder of logs
    recorded        the command of a run as its log keeps it
    delete_job      one call of it; confirm: what is asked before; terminal: what is seen of a run
    log_reading     how far it is with reading the logs before the first request
    choosing        flags that choose objects of a list; list_job: the listing; from_list: delete one
    list_output     where a list goes: a pipe, or a file that can be gone on with
    bench_options   those of ``bulkdel bench``; bench_text: its figures
    steered         what a run answers `bulkdel control`
    man             the manual pages, out of the help
    verbose         each request and its answer; completion: of lanes and files in the shell
    output          lines on a terminal, the summary
    exits           the exit codes; crash: what is said of an error that nobody expected
    asked           what SIGUSR1 is answered before and after a run
    streams         the standard files, closed or full; open_files: how many a run may have

Not here: the job itself (`engine`), what people learn of it (`reporting`).
"""

from __future__ import annotations

import contextlib
import os
import sys

import click
from click.core import ParameterSource

from bulkdel.cli import environment  # noqa: F401 - before what it clears the way for
from bulkdel.cli.asked import answer_asked
from bulkdel.cli.bench import bench
from bulkdel.cli.completion import completion
from bulkdel.cli.config_file import config_option, line_of_file
from bulkdel.cli.control import control
from bulkdel.cli.crash import Trace, crash_text, trace_option
from bulkdel.cli.delete import delete
from bulkdel.cli.demo import demo
from bulkdel.cli.emulate import emulate
from bulkdel.cli.exits import (
    BUSY,
    INTERNAL,
    INTERRUPTED,
    LOG_UNWRITABLE,
    READER_GONE,
    STOPPED,
    USAGE,
)
from bulkdel.cli.explain import explain
from bulkdel.cli.failed import failed
from bulkdel.cli.list import list_objects
from bulkdel.cli.logs import logs
from bulkdel.cli.output import say
from bulkdel.cli.providers import providers
from bulkdel.cli.report import report
from bulkdel.cli.seal import check, seal
from bulkdel.cli.status import status
from bulkdel.cli.streams import drop_stdout, flush_stdout, take_standard_files
from bulkdel.cli.verify import verify
from bulkdel.engine.listing import ListingError
from bulkdel.engine.verify import VerifyError
from bulkdel.errors import BulkdelError, LogBusyError, OutputError, ResultLogError
from bulkdel.process import give_memory_back
from bulkdel.version import __version__

_EPILOG = """\b
Begin here:
  bulkdel demo                                the whole job, on this machine alone
  bulkdel delete ids.txt -p ark --dry-run     what would be done; sends nothing
  bulkdel delete ids.txt -p ark               do it; start it again to resume
  bulkdel list openai:files --older-than 30d  what is stored, as JSON lines
  bulkdel status ids.txt.bulkdel.jsonl        what the log says
  bulkdel report ids.txt.bulkdel.jsonl -o report.html    the same for others, as a page
"""


_CODES = {LogBusyError: BUSY, ListingError: STOPPED, VerifyError: STOPPED}
"""The exit codes of errors that are no wrong usage."""


@click.group(
    "bulkdel",
    epilog=_EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "BULKDEL",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, "-V", "--version", prog_name="bulkdel")
def cli() -> None:
    """Delete stored objects at LLM providers by the million, one request each.

    Every ID ends as one line in a result log, so a run can be stopped, killed and resumed.
    """


for _command in (
    delete,
    list_objects,
    verify,
    seal,
    check,
    logs,
    status,
    control,
    failed,
    explain,
    report,
    providers,
    completion,
    demo,
    emulate,
    bench,
):
    _command.params += [config_option(), trace_option()]
    cli.add_command(_command)


def main() -> None:
    """Run the command line; an error is one clear line, not a traceback."""
    take_standard_files()
    answer_asked("nothing is being deleted at this moment")
    give_memory_back()
    sys.exit(_run(Trace()))


def _run(trace: Trace) -> int:
    """Run the command line and return its exit code."""
    try:
        code = _code(trace)
        flush_stdout()
    except click.ClickException as exc:
        _name_variable(exc)
        with contextlib.suppress(OSError):
            exc.show()
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return INTERRUPTED
    except OutputError as exc:
        drop_stdout()
        if exc.reader_gone:
            return READER_GONE
        say(f"bulkdel: error: {exc}")
        return USAGE
    except ResultLogError as exc:
        say(f"bulkdel: error: {exc}. {exc.advice}")
        return LOG_UNWRITABLE
    except BulkdelError as exc:
        say(f"bulkdel: error: {exc}")
        return _CODES.get(type(exc), USAGE)
    except Exception as exc:  # noqa: BLE001 - a mistake of ours: say so, whatever it is
        say(crash_text(exc, trace, os.environ, sys.argv[1:]))
        return INTERNAL
    return code


def _name_variable(exc: click.ClickException) -> None:
    """Let an error blame the environment or the file for what was set there, not a flag."""
    if not isinstance(exc, click.BadParameter) or exc.ctx is None or exc.param is None:
        return
    name = exc.param.name or ""
    if exc.ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
        exc.param_hint = line_of_file(exc.ctx, name) or exc.param_hint
    if exc.ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT:
        variable = exc.param.envvar or f"{exc.ctx.auto_envvar_prefix}_{name}".upper()
        exc.param_hint = f"the environment variable {variable}"


def _code(trace: Trace) -> int:
    """Run the command that the arguments name; return its exit code."""
    try:
        code = cli(prog_name="bulkdel", obj=trace, standalone_mode=False)
    except SystemExit as exc:
        code = exc.code
    return code if isinstance(code, int) else 0
