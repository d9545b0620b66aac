"""The command line: distances between files of responses, their embedding and their audit.

Results go to the standard output or a file in a form that programs read, everything else to the
standard error stream. Mistakes are one line and exit code 2; an audit that fails is exit code 1.
"""

from __future__ import annotations

from shapemetrics.cli.commands import main

__all__ = ["main"]
