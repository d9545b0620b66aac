"""The frame around every command: one line for a mistake, and what exit codes mean."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

#: Mistakes in data or options, which their message explains; anything else is a bug.
EXPECTED = (ValueError, TypeError, OSError, MemoryError)
#: Set to anything, it adds where a mistake was found.
TRACEBACK = "SHAPEMETRICS_TRACEBACK"
MISTAKE, INTERRUPTED = 2, 130


class OneLineGroup(click.Group):
    """A group of commands whose mistakes are one line on the standard error stream."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit: 0, what the command says, 2 for a mistake, 130 when interrupted."""
        try:
            code = super().main(
                args, prog_name or self.name, complete_var, standalone_mode=False, **extra
            )
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx is not None else "shapemetrics"
            fail(f"{error.format_message()} (see {where} --help)")
        except click.ClickException as error:
            fail(error.format_message())
        except click.Abort:
            click.echo("shapemetrics: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the output has enough, as `head` does; say nothing at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(MISTAKE)
        except EXPECTED as error:
            if os.environ.get(TRACEBACK):
                traceback.print_exc()
            fail(str(error) or type(error).__name__)
        sys.exit(code if isinstance(code, int) else 0)


def fail(message: str) -> NoReturn:
    """Say what is wrong in one line, and exit."""
    click.echo(f"shapemetrics: error: {' '.join(message.split())}", err=True)
    sys.exit(MISTAKE)
