# Every command of the project. `make` or `make help` lists them.
# Needs: Python >= 3.11, make, and a network of package registries. Nothing else: no database server, no model hub.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# With every extra: torch, what training needs, and the tools of development.
READY_ALL := $(VENV)/.ready-all
WEIGHTS := server/models/weights

.DEFAULT_GOAL := help
.PHONY: help setup setup-slides setup-torch setup-train setup-ray setup-all serve run test check lint types coverage generate migrate train evaluate bench fortress audit pack lock clean

help: ## list these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv, install what a service needs (with torch where a GPU is), find or get a Chromium
	@$(BIN)/medlens browser --quiet

setup-slides: setup ## and OpenSlide: for whole-slide images (9 MB)
	@VENV="$(VENV)" bash .ci/install slides

setup-torch: setup ## and torch: for a GPU, VGG-16 and MobileNetV2, CLIP models of open_clip (5 GB on Linux)
	@VENV="$(VENV)" bash .ci/install torch

setup-train: setup-all ## and what training needs

setup-ray: setup-all ## and Ray and Parquet, for medlens corpus

setup-all: setup $(READY_ALL) ## and all that training, tests and checks need

$(READY): requirements.lock pyproject.toml .ci/install
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash .ci/install
	@touch $(READY)

$(READY_ALL): $(READY) requirements-all.lock
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash .ci/install all
	@touch $(READY_ALL)

serve: setup ## serve on http://127.0.0.1:8765 with a scan worker; Ctrl-C stops everything it started
	@exec $(BIN)/medlens serve

run: serve ## the same as serve

test: setup-all ## every test, after lint, types and import rules
	@$(MAKE) --no-print-directory check
	@VENV=$(VENV) bash .ci/tests

check: $(READY_ALL) lint types ## lint, types and import rules, without tests

lint: $(READY_ALL) ## ruff, import-linter, and whether what is generated is fresh
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python .ci/generate.py --check

types: $(READY_ALL) ## mypy, strict on server/
	@$(BIN)/mypy
	@cd server/client && $(abspath $(BIN))/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache/client --package medlens

coverage: setup-all ## every test with branch coverage over server/; prints the figure, a page of it in runs/coverage/
	@COVERAGE=1 VENV=$(VENV) bash .ci/tests
	@$(BIN)/coverage html --quiet --directory runs/coverage/html

generate: $(READY_ALL) ## write what is made from modalities.json, and the scripts that dashboard and extension share
	@$(BIN)/python .ci/generate.py

migrate: setup ## bring the database to the newest schema
	@$(BIN)/medlens db upgrade

DATA ?= ../shared/data
train: setup-all ## train the shipped models again from DATA (hours on two cores)
	@$(BIN)/medlens train cnn --data $(DATA) --folds --out server/models/weights/cnn.safetensors
	@$(BIN)/medlens train clip --data $(DATA)
	@$(BIN)/medlens train kmeans --data $(DATA)
	@$(BIN)/medlens train ensemble --data $(DATA)

MANIFEST ?= $(DATA)/manifest.csv
evaluate: setup-all ## every figure of the contract for MANIFEST
	@$(BIN)/medlens evaluate $(MANIFEST)

bench: setup-all ## the benchmarks of speed in short forms, in some minutes; appends JSON lines to benchmarks/results/
	@$(BIN)/python benchmarks/bench.py --data $(DATA)

fortress: setup-all ## attack a service of its own with every class of the threat model; prints one table
	@$(BIN)/python benchmarks/fortress.py

audit: $(READY_ALL) ## ask the database of known vulnerabilities about every pinned requirement (needs a network that reaches it)
	@$(BIN)/python -m uv tool run pip-audit --strict --disable-pip --require-hashes --requirement requirements-all.lock

pack: setup-all ## zip the extension for Chrome and Firefox into dist/
	@$(BIN)/python extension/pack.py

COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
	--python-version 3.11 --no-emit-package openvino-telemetry pyproject.toml
lock: $(READY_ALL) ## pin the requirements again: the same versions for a service, with torch, and with all extras (needs a registry)
	@$(COMPILE) --all-extras --upgrade -o requirements-all.lock
	@$(COMPILE) --extra build --extra torch --constraint requirements-all.lock -o requirements-torch.lock
	@$(COMPILE) --extra build --constraint requirements-all.lock -o requirements.lock

clean: ## remove what these commands made here (never your data)
	@rm -rf $(VENV) build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
