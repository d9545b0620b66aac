"""The frame around every command: one line for a mistake, and what exit codes mean."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from shapemetrics.extras import concerns

#: Mistakes in data or options, which their message explains; anything else is a bug.
EXPECTED = (ValueError, TypeError, OSError, MemoryError)
#: Set to anything, it adds where a mistake was found.
TRACEBACK = "SHAPEMETRICS_TRACEBACK"
MISTAKE, INTERRUPTED, UNREAD = 2, 130, 141


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
        """Run, and exit: 0, what the command says, 2 for a mistake, or as a signal would end it."""
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
        except ModuleNotFoundError as error:
            if not concerns(error):
                raise
            fail(str(error))
        except EXPECTED as error:
            if os.environ.get(TRACEBACK):
                traceback.print_exc()
            fail(str(error) or type(error).__name__)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end in silence where whoever reads has enough, as `head` has."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is left in the buffer has nowhere to go when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(UNREAD)


def fail(message: str) -> NoReturn:
    """Say what is wrong in one line, and exit."""
    click.echo(f"shapemetrics: error: {' '.join(message.split())}", err=True)
    sys.exit(MISTAKE)
