"""``python -m shapemetrics.cli`` is the command ``shapemetrics``."""

from __future__ import annotations

from shapemetrics.cli.commands import main

main()
