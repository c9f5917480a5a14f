"""The command, from its first instant: ``bulkdel``, and ``python -m bulkdel``.

    SIGINT ends the process ──imports──> SIGINT is as it was ──> cli

What is imported takes a third of a second. A Ctrl-C in it ends the process at once, as it would end any
other command: nothing has begun, and there is nothing to say with a traceback.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command."""
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:  # what is ignored (`nohup`, a shell's &) stays so
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bulkdel.cli import main as command

    signal.signal(signal.SIGINT, interrupted)
    command()


if __name__ == "__main__":
    main()
