"""Ctrl-C and SIGTERM as a question that the loop asks between steps."""

import signal
from types import FrameType
from typing import Any


class Interruption:
    """While entered, the first SIGINT or SIGTERM is only noted; a second SIGINT stops at once.

    Attributes:
        signum: the signal noted, None if there was none.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.signum: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        for signum in self._SIGNALS:
            self._previous[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    @property
    def exit_status(self) -> int:
        """What shells expect of a process that a signal ended."""
        return 128 + (self.signum or 0)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self.signum is not None and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.signum = signum
