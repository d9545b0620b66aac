"""AllenSDK's own environment: built once, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

#: AllenSDK 2.16 pins NumPy below 1.24, which knows no Python beyond this one.
PYTHON = (3, 11)
STAMP = "requirements.sha256"
#: A build takes well under a minute from a warm cache, and minutes over a slow network.
TIMEOUT = 3600.0


def ensure_environment(
    folder: str | os.PathLike,
    requirements: str | os.PathLike,
    *,
    python: str | os.PathLike | None = None,
) -> Path:
    """Make a virtual environment with exactly these packages, unless it is there already.

    Parameters
    ----------
    folder : path-like
        Where it goes.
    requirements : path-like
        File of pinned packages. When its content changes, the environment is built anew.
    python : path-like, optional
        A Python 3.11; by default one is looked for: this one, ``python3.11`` on the path, uv's.

    Returns
    -------
    pathlib.Path
        The environment's interpreter.

    Raises
    ------
    ValueError
        If there is no Python 3.11, or a package cannot be installed.
    """
    folder, requirements = Path(folder).absolute(), Path(requirements)
    if not requirements.is_file():
        raise ValueError(f"{requirements}: no such list of packages")
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    interpreter = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if _stamp(folder) == wanted and interpreter.is_file():
            return interpreter
        base = find_python(python)
        # Scripts of an environment hold its path, so it is built in place; the stamp, written
        # last, is what makes it one.
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _run([base, "-m", "venv", folder], f"{folder}: cannot make an environment")
            install = [interpreter, "-m", "pip", "install", "--quiet"]
            install += ["--disable-pip-version-check", "--requirement", requirements]
            _run(install, f"{requirements}: cannot be installed")
            _run(
                [interpreter, "-c", "import allensdk.brain_observatory.ecephys.ecephys_session"],
                f"{folder}: AllenSDK does not start",
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / STAMP).write_text(wanted + "\n")
    return interpreter


def find_python(python: str | os.PathLike | None = None) -> str:
    """A Python 3.11.

    Raises
    ------
    ValueError
        If there is none, with what to do about it.
    """
    if python is not None:
        candidates = [str(python)]
    else:
        found = shutil.which("python3.11")
        candidates = [sys.executable, *([found] if found else []), *_from_uv()]
    for candidate in candidates:
        if _version(candidate) == PYTHON:
            return candidate
    raise ValueError(
        f"AllenSDK needs Python 3.11, found none (looked at {', '.join(candidates)}); install it, "
        "for example with 'uv python install 3.11' or 'apt-get install python3.11-venv', "
        "or set 'python' to its path"
    )


def _from_uv() -> list[str]:
    uv = shutil.which("uv")
    if uv is None:
        return []
    done = subprocess.run(
        [uv, "python", "find", "3.11", "--offline"], capture_output=True, text=True, check=False
    )
    return [done.stdout.strip()] if done.returncode == 0 and done.stdout.strip() else []


def _version(python: str) -> tuple[int, int] | None:
    ask = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-c", ask], capture_output=True, text=True, timeout=60, check=False
        )
        major, minor = map(int, done.stdout.split())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return major, minor


def _stamp(folder: Path) -> str | None:
    try:
        return (folder / STAMP).read_text().strip()
    except OSError:
        return None


def _run(command: list, failure: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            env=environment,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{failure}: no end after {TIMEOUT:.0f} s") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no message"]
        raise ValueError(f"{failure}: {errors[0]}")
