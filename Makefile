# kiwame: rows in, a certified GGUF out. `make help` lists the targets; ARGS="key=value ..." reaches the config.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
RUNNER ?= native
ARGS ?=
STAGES := fetch prepare preflight train smoke merge convert quantize verify report
PY := .venv/bin/python

ifneq ($(RUNNER),native)
$(error RUNNER=$(RUNNER): only RUNNER=native is known)
endif

.PHONY: help setup demo all preview shell test check docs bench clean $(STAGES)

help:  ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@printf '\n  ARGS="key=value ..." changes the config, for example\n    make train ARGS="run.name=second train.schedule.num_epochs=2"\n'

# The stages, in order. Each makes everything it stands on first.
fetch:      ## the base model and tokenizer at a pinned revision, every file hashed
prepare:    ## clean, deduplicate and split the conversations
preflight:  ## tokenize and mask every row once, and look
train:      ## LoRA fine-tune on exactly those tokens
smoke:      ## generate with base and adapter in Hugging Face, on held-out rows
merge:      ## fold the adapter into the base weights, and prove it
convert:    ## F32 and F16 GGUF with the pinned llama.cpp, and prove them
quantize:   ## the GGUFs that ship, from F32
verify:     ## what survived of the fine-tune in every artifact
report:     ## report.html, model card, Modelfile, SHA256SUMS, certificate

$(STAGES): setup
	@$(PY) -m jobs $@ $(ARGS)

all: setup  ## every stage, to the certificate
	@$(PY) -m jobs all $(ARGS)

demo: setup  ## the whole chain on a small model and data of our own, no GPU and no hub
	@$(PY) -m jobs all experiment=demo $(ARGS)

preview: setup  ## which tokens of your rows are graded, for any model: ARGS="model.id=..."
	@$(PY) -m jobs preview $(ARGS)

shell: setup  ## a shell with the environment of the stages
	@PATH="$(CURDIR)/.venv/bin:$(CURDIR)/vendor/llama.cpp/build/bin:$$PATH" $${SHELL:-/bin/bash} -i

# Set-up: .venv from the pins, llama.cpp from its pin. Both are made once.
setup: .venv/.made .venv/.llama  ## what `make demo` needs, once: .venv and llama.cpp

.venv/.made: requirements/cpu.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.11" >&2; exit 4; }
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "setup: installing the pinned Python packages into .venv"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/cpu.txt -r requirements/dev.txt
	@touch $@

.venv/.llama: .venv/.made vendor/llama.cpp/PIN vendor/llama.cpp/build.py vendor/llama.cpp/binding.py $(if $(wildcard vendor/llama.cpp/build/build.json),,always)
	@$(PY) vendor/llama.cpp/build.py
	@touch $@

.PHONY: always
always:

test: setup  ## every test that needs no GPU
	@$(PY) -m pytest $(ARGS)

check: setup  ## ruff, formatting, mypy strict, and that the generated docs are fresh
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m jobs rules | diff -u docs/rules.md - || { echo "docs/rules.md is stale: run make docs" >&2; exit 1; }

docs: setup  ## generate docs/rules.md
	@mkdir -p docs
	@$(PY) -m jobs rules > docs/rules.md.new && mv docs/rules.md.new docs/rules.md

bench: setup  ## time and memory of the demo's stages, and ratios against the stock tools
	@$(PY) -m tests.bench $(ARGS)

clean:  ## remove .venv; runs and what is cached outside stay
	rm -rf .venv
