# Every target sets up what it needs: a Python environment of its own in .venv, with the exact versions of
# requirements.lock. It asks for nothing but git, make and Python 3.11 or newer with its venv module;
# `make PYTHON=python3.13 test` takes another Python. Nothing outside this folder is written, but for the caches of
# pip and Maven. With java, javac and mvn on PATH the tests also run Storm's own clients; without, those are skipped.

PYTHON ?= python3
READY := .venv/.ready

# Tools, and the streamparse_run that components are started with, come from .venv; temporary files go to .tmp.
RUN := PATH="$(CURDIR)/.venv/bin:$$PATH" TMPDIR="$(CURDIR)/.tmp"
# An unbuffered stdout makes a component write every message in pieces: nobody runs or measures it so.
RUN_BUFFERED := env -u PYTHONUNBUFFERED $(RUN)
PYTEST := $(RUN) python -m pytest -q -n 2
FUZZ_SECONDS ?= 300

# Where what a tuple passes is compiled; with a C compiler that is what is measured.
COMPILED := build/compiled/.ready
COMPILED_IF_POSSIBLE := $(if $(shell command -v cc 2>/dev/null),$(COMPILED))
RUN_COMPILED := $(RUN_BUFFERED) env $(if $(COMPILED_IF_POSSIBLE),PYTHONPATH='$(CURDIR)/build/compiled')

.PHONY: help setup demo java test test-storm quick check format wheel fuzz bench bench-storm soak clean

help:
	@echo 'make setup   only set up: then . .venv/bin/activate gives you the heronry command'
	@echo 'make demo    start a cluster on this machine, submit examples/word_count, show live counts'
	@echo 'make quick   run the tests that start no real processes (under a minute)'
	@echo 'make check   look at format, style, types and imports'
	@echo 'make test    check, then run all tests'
	@echo 'make test-storm   run the tests of clients against a real Storm 2.8.2 (java, javac, mvn)'
	@echo 'make format  put the code into the format that check asks for'
	@echo 'make wheel   build dist/heronry-*.whl with what a tuple passes compiled (a C compiler)'
	@echo 'make fuzz    fuzz what reads bytes of strangers, for FUZZ_SECONDS=300'
	@echo 'make bench   measure; results go to bench/results'
	@echo 'make bench-storm   measure in turns with a real Storm; needs Java and Maven'
	@echo 'make soak    ten minutes of full load, with components stopped and killed at random'
	@echo 'make clean   remove what these targets made'

setup: $(READY)

demo: $(READY)
	@$(RUN_BUFFERED) python examples/demo.py

test: check java
	@$(PYTEST)

# One Storm is enough for a small machine: no second process of tests.
test-storm: java
	@$(RUN) python -m pytest -q tests/compat --against storm

# Storm's clients, from Maven Central into Maven's own cache.
java: $(READY)
	@$(RUN) python -m tests.compat.jvm

quick: $(READY)
	@$(PYTEST) -m 'not slow'

check: $(READY)
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports

format: $(READY)
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

# atheris has no wheels for some Pythons, so that requirements.lock cannot name it.
fuzz: $(READY)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: atheris || true
	@$(RUN) python -m tests.fuzz.run --seconds $(FUZZ_SECONDS)

bench: $(READY) $(COMPILED_IF_POSSIBLE)
	@$(RUN_COMPILED) python bench/run.py

bench-storm: $(READY) $(COMPILED_IF_POSSIBLE)
	@$(RUN_COMPILED) python bench/run.py --storm

wheel: $(READY) $(COMPILED)

$(COMPILED): $(READY) setup.py pyproject.toml $(shell find multilang scheduler storm_compat -type f -not -name '*.pyc')
	@command -v cc >/dev/null || { echo 'No C compiler (cc) here. On Debian and Ubuntu: apt install gcc python3-dev'; exit 1; }
	@rm -rf build dist
	@echo 'Compiling ...'
	@HERONRY_COMPILE=1 $(RUN) python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	    -w dist .
	@.venv/bin/python -m zipfile -e dist/heronry-*.whl build/compiled
	@touch $@

# The same test for a minute is part of `make test`.
soak: $(READY)
	@HERONRY_SOAK_S=$${HERONRY_SOAK_S:-600} $(RUN) python -m pytest -q -s tests/compat/test_soak.py

clean:
	rm -rf .venv .tmp build dist heronry.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find multilang scheduler storm_compat tests examples bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(READY): requirements.lock setup.cfg
	@command -v '$(PYTHON)' >/dev/null || \
	    { echo 'No $(PYTHON) here. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3'; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Heronry needs Python 3.11 or newer, $(PYTHON) is $$('$(PYTHON)' -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo 'This Python cannot make environments. On Debian and Ubuntu: apt install python3-venv'; exit 1; }
	@mkdir -p .tmp
	@.venv/bin/python -c '' 2>/dev/null || '$(PYTHON)' -m venv --clear .venv
	@echo "Installing into .venv ($$(.venv/bin/python -V)) ..."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
