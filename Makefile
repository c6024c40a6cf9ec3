# `make demo` and `make test` set up everything they need; a second run installs nothing.
PYTHON ?= python3
# an environment that is active (venv or conda) and has this folder's package with what tests need is used as it
# is, and nothing is installed into it; else .venv is made. `make VENV=.venv` makes it all the same
ACTIVE := $(or $(VIRTUAL_ENV),$(CONDA_PREFIX))
ASK := import os, nwbspikegen, pytest, ruff, torch; print("yes" * os.path.samefile(os.path.dirname(nwbspikegen.__file__), "nwbspikegen"))
HAS_ALL := $(if $(ACTIVE),$(shell $(ACTIVE)/bin/python -I -c '$(ASK)' 2>/dev/null))
VENV ?= $(if $(HAS_ALL),$(ACTIVE),.venv)
BIN := $(VENV)/bin
STAMP := $(if $(filter $(ACTIVE),$(VENV)),,$(VENV)/.installed)
# where it is set, every process of the suite compiles the project again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all test-only test-whole test-lowest test-newest coverage lint format docs recipe bench clean

# modules are compiled when they are first imported, and most never are
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), f"Python 3.11 to 3.13 is needed, found {sys.version.split()[0]}: make PYTHON=python3.11"'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt --editable '.[all,dev,docs]'
	touch $@

demo: $(STAMP)
	$(BIN)/nwbspikegen demo --out demo --overwrite

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# long tests are in files of few, which would come last if xdist were to sort files;
# on recordings as small as those of the tests, threads wait for each other longer than they work
PYTEST := -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
test-only test-whole test-lowest test-newest coverage: export OMP_NUM_THREADS := 1
test-only test-whole test-lowest test-newest coverage: export NUMBA_NUM_THREADS := 1

# the type check of a fresh machine takes one core two minutes: beside the tests, which wait for files at times
test: $(STAMP)
	$(MAKE) --jobs 2 lint test-only

test-all: $(STAMP)
	$(MAKE) --jobs 2 lint test-whole

# without what repeats at length what shorter tests show
test-only: $(STAMP)
	$(BIN)/python $(PYTEST) --leave-out-whole

test-whole: $(STAMP)
	$(BIN)/python $(PYTEST)

# the oldest versions that pyproject.toml allows, then the newest: needs uv, which knows how to choose the oldest;
# warnings of old and of coming versions are no errors of ours
test-lowest:
	uv venv --clear --python 3.11 .venv-lowest
	uv pip install --python .venv-lowest --resolution lowest-direct --editable '.[all,dev]'
	.venv-lowest/bin/python $(PYTEST) -W default --ignore tests/test_docs_site.py

test-newest:
	uv venv --clear .venv-newest
	uv pip install --python .venv-newest --editable '.[all,dev,docs]'
	.venv-newest/bin/python $(PYTEST) -W default

coverage: $(STAMP)
	$(BIN)/python $(PYTEST) --cov --cov-report term:skip-covered --cov-report xml

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 NWBSPIKEGEN_RUN_GALLERY=1 $(BIN)/python -m mkdocs build

recipe: $(STAMP)
	$(BIN)/python conda/write_recipe.py

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv .venv-lowest .venv-newest demo site .coverage* coverage.xml
