# Needs only make, Python >= 3.11 and, on Debian or Ubuntu, python3-venv.
#
#   make demo     install, then segment the bundled patient
#   make test     install what the tests need, run all but the slow ones
#   make check    format, lint, types, architecture, tests: what a commit must pass

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV ?= uv
JOBS ?= 2

VENV := .venv
TRAIN_VENV := .venv-train
BIN := $(VENV)/bin
# Byte code is made when a module is first used: a quicker, smaller install. It must be kept then, also
# where the environment forbids it, or every start would compile all libraries again.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile
TRAIN_INSTALL := $(TRAIN_VENV)/bin/python -m pip --quiet --disable-pip-version-check install --no-compile
LOCKED := --require-hashes --only-binary :all:

.PHONY: demo test test-slow test-train coverage check lint docs lock format hooks
.DELETE_ON_ERROR:

# ---- what people call -------------------------------------------------------------------------

# A demo never writes over an earlier one: demo/, demo-2/, demo-3/ ...
demo: $(VENV)/.product
	@out=demo; n=1; while [ -e "$$out" ]; do n=$$((n + 1)); out="demo-$$n"; done; \
	$(BIN)/oncotrace demo --out "$$out"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) --ignore tests/train -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) --ignore tests/train -m slow

# What needs PyTorch has an environment of its own, so that all else is tested without it.
test-train: $(TRAIN_VENV)/.train
	$(TRAIN_VENV)/bin/python -m pytest -n $(JOBS) tests/train

coverage: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) --ignore tests/train -m "not slow" --cov

check: lint test

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

hooks:
	git config core.hooksPath .githooks

# ---- the environment --------------------------------------------------------------------------
# A stamp stands for a finished step, so that a second call does nothing.

$(VENV)/.created:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
	  found=$$("$(PYTHON)" --version 2> /dev/null); \
	  echo "oncotrace needs Python 3.11 or later, found: $${found:-none}." >&2; \
	  echo "Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { \
	  echo "No virtual environment could be made; on Debian or Ubuntu: apt-get install python3-venv" >&2; \
	  exit 1; }
	@touch $@

$(VENV)/.product: $(VENV)/.created requirements/base.txt requirements/build.txt pyproject.toml
	@echo "installing oncotrace and what it needs into $(VENV)"
	@$(INSTALL) $(LOCKED) -r requirements/build.txt -r requirements/base.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.product requirements/dev.txt
	@echo "installing what the checks need into $(VENV)"
	@$(INSTALL) $(LOCKED) -r requirements/dev.txt
	@touch $@

$(TRAIN_VENV)/.train: $(VENV)/.product requirements/train.txt requirements/dev.txt
	@echo "installing what training and its tests need into $(TRAIN_VENV)"
	@"$(PYTHON)" -m venv $(TRAIN_VENV)
	@$(TRAIN_INSTALL) $(LOCKED) -r requirements/build.txt -r requirements/dev.txt
	@$(TRAIN_INSTALL) --require-hashes --no-deps -r requirements/train.txt
	@$(TRAIN_INSTALL) -c requirements/constraints.txt torch
	@$(TRAIN_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.docs: $(VENV)/.product requirements/docs.txt
	@echo "installing what the manual needs into $(VENV)"
	@$(INSTALL) $(LOCKED) -r requirements/docs.txt
	@touch $@

# ---- the locks --------------------------------------------------------------------------------
# All parts are solved together first; constraints.txt holds that one answer and every lock takes
# its versions from it. `make lock UPGRADE=--upgrade` looks for newer ones. torch stands in
# constraints.txt alone, without a hash: people install the build that fits their machine.

COMPILE = $(UV) pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links
HASHED = $(COMPILE) --generate-hashes -c requirements/constraints.txt \
  --no-emit-package torch --no-emit-package torchvision

lock:
	@command -v "$(UV)" > /dev/null || { \
	  echo "make lock needs uv: pipx install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) $(UPGRADE) pyproject.toml --all-extras --group dev --group docs --group build \
	  --output-file requirements/constraints.txt
	$(HASHED) pyproject.toml --output-file requirements/base.txt
	$(HASHED) pyproject.toml --group dev --output-file requirements/dev.txt
	$(HASHED) pyproject.toml --extra all --output-file requirements/all.txt
	$(HASHED) pyproject.toml --extra train --output-file requirements/train.txt
	$(HASHED) pyproject.toml --extra nnunet --output-file requirements/nnunet.txt
	$(HASHED) --group docs --output-file requirements/docs.txt
	$(HASHED) --group build --output-file requirements/build.txt
