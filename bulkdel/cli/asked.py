"""What SIGUSR1 is answered while no run listens to it: at the start, while it reads, in the end.

The system's own answer is the end of the process. Whoever asks for a status line a second too early
must not kill the job.

Not here: the status line of a run (`terminal`).
"""

from __future__ import annotations

import signal
from types import FrameType

from bulkdel.cli.output import say


def answer_asked(text: str) -> None:
    """Let SIGUSR1 print ``text`` from now on, unless it is ignored, or there is none (Windows)."""
    if not hasattr(signal, "SIGUSR1") or signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN:
        return

    def answer(_number: int, _frame: FrameType | None) -> None:
        say(f"bulkdel: {text}")

    signal.signal(signal.SIGUSR1, answer)
