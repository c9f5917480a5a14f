"""Run the real command on a terminal of its own (a pty), for tests."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import COMMAND, KEYS, TIMEOUT_S, environment


class Terminal:
    """What a person sees of the command, and types."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.shown = ""
        """All that was shown so far."""
        self._screen = screen

    def type(self, text: str) -> None:
        """Type, with a line end for Enter and ETX for Ctrl-C."""
        os.write(self._screen, text.encode())

    def wait_for(self, words: str) -> None:
        """Read the screen until it shows ``words``."""
        until_s = time.monotonic() + TIMEOUT_S
        while words not in self.shown:
            assert time.monotonic() < until_s, f"{words!r} is not in {self.shown!r}"
            assert self._read(), f"it ended without {words!r}: {self.shown!r}"

    def end(self) -> int:
        """Read to the end and return the exit code."""
        until_s = time.monotonic() + TIMEOUT_S
        while self._read():
            assert time.monotonic() < until_s, self.shown
        return self.process.wait(timeout=TIMEOUT_S)

    def _read(self) -> bool:
        """Read what is there; return False at the end."""
        if not select.select([self._screen], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._screen, 65536)
        except OSError:  # Linux: nobody has the terminal open any more
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


def _take_terminal() -> None:
    """Make standard input the terminal that Ctrl-C and ``/dev/tty`` belong to."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def on_terminal(*arguments: str | Path, env: Mapping[str, str] = KEYS) -> Iterator[Terminal]:
    """Start the command on a terminal; it is killed at the end of the block."""
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=environment(TERM="xterm", **env),
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(inside)
    try:
        yield Terminal(process, screen)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(screen)
