"""Run a script of ``sdk/`` with the interpreter of AllenSDK's environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).with_name("sdk")
#: Exit code by which a script says that its message explains the mistake.
BAD_INPUT = 3
#: Variables that would lead the other interpreter to this environment's packages.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def run_script(interpreter: str | os.PathLike, script: str, *arguments: object) -> None:
    """Run a script; files carry data in and out.

    Raises
    ------
    ValueError
        With the script's own line where the data are at fault.
    RuntimeError
        With the last lines of its output where it failed otherwise.
    """
    if not Path(interpreter).is_file():
        raise ValueError(f"AllenSDK's environment has no interpreter {interpreter}: build it first")
    environment = {k: v for k, v in os.environ.items() if k not in FOREIGN}
    # One thread each: several sessions run beside each other.
    environment.setdefault("OMP_NUM_THREADS", "1")
    done = subprocess.run(
        [str(interpreter), str(SCRIPTS / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    message = done.stderr.strip()
    if done.returncode == BAD_INPUT and message:
        raise ValueError(message.splitlines()[-1])
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed with exit code {done.returncode}:\n{message[-2000:]}")
