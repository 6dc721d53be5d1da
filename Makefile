# kiwame: rows in, a certified GGUF out. `make help` lists the targets; ARGS="key=value ..." reaches the config.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
RUNNER ?= native
ARGS ?=
DRY ?=
STAGES := fetch prepare preflight train smoke merge convert quantize verify report
PY := .venv/bin/python

ifneq ($(RUNNER),native)
$(error RUNNER=$(RUNNER): only RUNNER=native is known)
endif

PODS := pod-submit pod-status pod-logs pod-stop pod-delete pod-reap

.PHONY: help setup demo all preview shell test check docs bench clean $(STAGES) $(PODS)

help:  ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
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

# RunPod, from a machine without a GPU: RUNPOD_API_KEY from the environment, the pod from runpod.yaml, DRY=1 changes nothing.
pod-submit:  ## rent a pod for one job: ARGS="job.run=... image=... -- key=value"; DRY=1 shows request and price
pod-status:  ## our pods, with what they cost
pod-logs:    ## follow a run's log to its exit code: ARGS=job.run=...
pod-stop:    ## let a run's job save its state, and release the GPU
pod-delete:  ## delete a run's pod; the volume stays
pod-reap:    ## delete pods whose job has ended, that are over their time, or that never started

$(PODS): .venv/.host
	@$(PY) -m jobs.launch.runpod $(@:pod-%=%) $(if $(filter-out 0,$(DRY)),dry=true) $(ARGS)

.venv/.host: requirements/host.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.11" >&2; exit 4; }
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/host.txt
	@touch $@

# Set-up: .venv from the pins, llama.cpp from its pin. Both are made once.
setup: .venv/.made .venv/.llama  ## what `make demo` needs, once: .venv and llama.cpp

.venv/.made: requirements/cpu.txt requirements/host.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.11" >&2; exit 4; }
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "setup: installing the pinned Python packages into .venv"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/cpu.txt -r requirements/host.txt -r requirements/dev.txt
	@touch $@

.venv/.llama: .venv/.made vendor/llama.cpp/PIN vendor/llama.cpp/build.py $(if $(wildcard vendor/llama.cpp/build/build.json),,always)
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

# On a cluster, as a Kubernetes Job: words of the config, and k8s.key=value for what k8s/launch.yaml has.
CLUSTER := k8s-render k8s-submit k8s-logs k8s-status k8s-delete
.PHONY: $(CLUSTER)
k8s-render:  ## the manifests of a run, for another tool to apply
k8s-submit:  ## start a run: ARGS="run.name=mine k8s.image=... k8s.rows=[my.jsonl]"
k8s-logs:    ## follow it to its end: ARGS=run.name=...
k8s-status:  ## how it stands; without ARGS, every run
k8s-delete:  ## stop it and remove its Job; what it made stays on the volume

$(CLUSTER): .venv/.host
	@$(PY) -m jobs.launch.kubernetes $(@:k8s-%=%) $(ARGS)

clean:  ## remove .venv; runs and what is cached outside stay
	rm -rf .venv
