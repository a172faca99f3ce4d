"""Errors whose message is meant for the person at the keyboard.

Each says the rule, the value it got and the remedy; the scripts print it as one line, without a
traceback, and exit with `exit_status`.
"""

import sys
from collections.abc import Callable


class JaxdepthError(Exception):
    """Base of the errors below."""

    exit_status = 1


def report(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Runs a script's `main` on its arguments; an error meant for the user becomes one line.

    Returns:
        The exit status.
    """
    try:
        return main(arguments)
    except JaxdepthError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except OSError as error:  # a full disk, a folder that is a file, a missing permission
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130


class DataError(JaxdepthError, ValueError):
    """An image, a depth map, a folder or a dataset that cannot be used; the message names it."""


class ConfigError(JaxdepthError, ValueError):
    """A config file, key, value or variant that cannot be used."""

    exit_status = 2


class CheckpointError(JaxdepthError):
    """A checkpoint that is missing, damaged or of another model; the message names it."""


class WorkdirError(JaxdepthError):
    """A work directory that is in use, unfinished or was made by another config."""


class NonFiniteError(JaxdepthError):
    """A loss or a gradient that is not finite; training stops."""
