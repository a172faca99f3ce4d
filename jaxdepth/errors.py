"""Errors whose message is meant for the person at the keyboard.

Each says the rule, the value it got and the remedy; the scripts print it as one line, without a
traceback, and exit with `exit_status`.
"""


class JaxdepthError(Exception):
    """Base of the errors below."""

    exit_status = 1


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
