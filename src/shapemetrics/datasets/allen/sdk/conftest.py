"""Keep pytest's doctest collection away: these scripts run in another environment."""

collect_ignore_glob = ["*.py"]
