# `make demo` shows the program at work, `make test` runs everything that CI runs.
# Both need only Python 3.11 or newer, make and a package index.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test clean

demo: $(VENV)/installed
	@mkdir -p demo
	$(BIN)/hyperfocal fuse examples/macro_bug -o demo/fused.png \
		--decision-map demo/decision.png --depth demo/depth.png --overwrite
	@echo "Sixteen frames of examples/macro_bug became:"
	@echo "  $(CURDIR)/demo/fused.png     sharp everywhere"
	@echo "  $(CURDIR)/demo/decision.png  which frame each pixel comes from (black: the nearest)"
	@echo "  $(CURDIR)/demo/depth.png     the depth map"

test: $(VENV)/installed-for-tests
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/pytest

clean:
	rm -rf $(VENV) demo build src/*.egg-info

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hyperfocal needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# torch is installed by itself, so that the build that is pinned here is taken.
$(VENV)/installed-for-tests: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[deep,train,dev]'
	@touch $@
