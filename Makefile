# Two commands do everything: `make run` and `make test`. Both build the environment first.

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
CONFIG ?=
PROFILE ?=
BENCH ?=

BIN = $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# A cluster's profile says itself how many cores a job may have.
WHERE = $(if $(PROFILE),--workflow-profile $(PROFILE),--cores $(CORES)) $(if $(CONFIG),--configfile $(CONFIG))
ON_MODERN_PYTHON = import sys; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help run figures test bench docs linkcheck check-sources audit lint dry-run env env-cluster env-dev clean

help:  ## list the targets
	@echo "make run      build the environment, then the default study and its report (results/report.html)"
	@echo "make figures  draw the figures anew from results that exist, in seconds"
	@echo "make test     build the environment, then run all tests"
	@echo "make bench    time the package, and write the tables to results/benchmarks (about 18 minutes)"
	@echo "make docs     build the guides and the API pages as a site (docs/_build/html)"
	@echo "make lint     check style, workflow and types: ruff, snakefmt, pyright"
	@echo "make check-sources  ask the servers of real data before large downloads (a minute)"
	@echo "make dry-run  show which jobs 'make run' would run"
	@echo "make env      build the environment in $(VENV) only"
	@echo "make clean    remove results (the environment stays)"
	@echo
	@echo "CONFIG=file.yaml lays another configuration over config.yaml; CORES=n limits the cores, else"
	@echo "those that this shell may use (affinity, cgroup, SLURM) are taken;"
	@echo "PROFILE=slurm runs the jobs on a cluster (docs/cluster.md)."

run: $(if $(PROFILE),env-cluster,env)  ## the study
	@$(BIN)/python -m shapemetrics.study.run $(WHERE)

dry-run: $(if $(PROFILE),env-cluster,env)
	@$(BIN)/python -m shapemetrics.study.run --dry-run $(WHERE)

# Only the rules that draw: tables and distances must exist, and none of them is made anew.
figures: env  ## figures from existing results
	@$(BIN)/python -m shapemetrics.study.run figures --cores $(CORES) --allowed-rules figures $$($(BIN)/python -m shapemetrics.study.figures . $(CONFIG)) $(if $(CONFIG),--configfile $(CONFIG))

test: env-dev  ## all tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(TESTS)

bench: env-dev  ## timings; BENCH="--quick", "--only bound", "--netrep PATH", ...
	@$(BIN)/python -m benchmarks $(BENCH)

# Into docs/_build; a warning is an error. The API pages come from the docstrings.
docs: $(VENV)/docs.done  ## the guides as a site
	@rm -rf docs/_api
	@$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

linkcheck: $(VENV)/docs.done  ## links of the guides to other sites; needs the internet
	@$(BIN)/python -m sphinx -b linkcheck -q docs docs/_build/linkcheck

check-sources: env  ## what the servers of real data say, before large downloads; needs the internet
	@$(BIN)/python -m shapemetrics.datasets.check_sources

audit:  ## known vulnerabilities of the pinned packages; needs pip-audit and the internet
	@.ci/audit $(BIN)/python

lint: env-dev  ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile rules
	@$(BIN)/pyright
	@.ci/audit $(BIN)/python

env: $(VENV)/study.done
env-cluster: $(VENV)/cluster.done  ## and what submits jobs
env-dev: $(VENV)/dev.done

$(VENV)/bin/python:
	@$(PYTHON) -c '$(ON_MODERN_PYTHON)' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), expected Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/study.done: envs/study.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the study's packages into $(VENV) (once, some minutes)"
	@$(BIN)/python -m pip install --quiet --requirement envs/study.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/cluster.done: envs/cluster.txt $(VENV)/study.done
	@$(BIN)/python -m pip install --quiet --requirement envs/cluster.txt
	@touch $@

$(VENV)/docs.done: envs/docs.txt $(VENV)/study.done
	@$(BIN)/python -m pip install --quiet --requirement envs/docs.txt
	@touch $@

$(VENV)/dev.done: envs/dev.txt envs/cluster.txt $(VENV)/study.done
	@$(BIN)/python -m pip install --quiet --requirement envs/dev.txt
	@touch $@

clean:
	@find results -mindepth 1 ! -name README.md -delete
