# kiwame: rows in, a certified GGUF out. `make help` lists the targets; ARGS="key=value ..." reaches the config.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
DRY ?=
STAGES := prepare fetch synth preflight train smoke merge convert quantize verify judge report
PY := .venv/bin/python

# What was typed reaches the program letter by letter, in ARGS or beside it: neither make nor the shell reads it.
export KIWAME_ARGS := $(value ARGS)
unexport ARGS
export DRY
typed := $(PYTHON) -m jobs.launch.typed
# DRY=1 runs nothing: what knows a dry run says what it would do, of anything else make prints the commands.
dry := $(filter-out 0 no false off,$(DRY))
run := $(if $(dry),+)@

# Where the stages run: RUNNER=container in the image (ENGINE, IMAGE, GPUS, MOUNTS, PASS), RUNNER=native in .venv.
# Unless RUNNER says otherwise the stages run in the image, and the demo, which needs no container, in .venv.
ifneq ($(filter-out container native,$(RUNNER)),)
$(error RUNNER=$(RUNNER): expected container or native)
endif
STAGE_RUNNER := $(or $(RUNNER),container)
DEMO_RUNNER := $(or $(RUNNER),native)
container := $(PYTHON) -m jobs.launch.container.command
native := $(PY) -m jobs
needs_native := $(if $(dry),,setup)
needs_container :=
needs_host := $(if $(dry),,.venv/.host)

COMPARING := compare compare-votes compare-live judge-sheet
CLUSTER := k8s-render k8s-submit k8s-logs k8s-status k8s-delete
PODS := pod-submit pod-status pod-logs pod-stop pod-delete pod-reap

# Whose recipes take words; what stands beside them on make's command line is looked at before anything is made.
TAKERS := $(STAGES) $(PODS) $(CLUSTER) all demo chat serve forgetting diagnose estimate preview $(COMPARING) test torture faults test-container test-unsloth test-gpu bench-gpu bench
OTHERS := help setup shell image doctor check docs licences lock clean
ifneq ($(and $(dry),$(filter-out $(STAGES) $(PODS) $(CLUSTER) $(COMPARING) all demo chat serve forgetting diagnose estimate preview image doctor help,$(MAKECMDGOALS))),)
MAKEFLAGS += -n
endif
quoted = '$(subst ','\'',$(1))'
blank := $(subst ,, )
beside := $(filter-out ARGS=% DRY=% RUNNER=% ACCELERATOR=% PYTHON=%,$(subst \$(blank),_,$(MAKEOVERRIDES)))
odd := $(beside) $(filter-out $(TAKERS) $(OTHERS) .%,$(MAKECMDGOALS)) $(if $(value ARGS),$(filter $(OTHERS),$(MAKECMDGOALS)))
ifneq ($(strip $(odd)),)
ifneq ($(shell $(typed) --check $(foreach list,TAKERS OTHERS MAKECMDGOALS MAKEOVERRIDES,$(call quoted,$($(list))))),)
$(error nothing was run)
endif
endif

.PHONY: help setup demo all chat serve forgetting diagnose estimate preview $(COMPARING) shell image doctor test torture faults test-container test-unsloth test-gpu bench-gpu check docs licences lock bench clean $(STAGES) $(PODS) $(CLUSTER)

help:  ## this list
	$(run)awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	$(run)printf '\n  ARGS="key=value ..." changes the config, for example\n    make train ARGS="run.name=second train.schedule.num_epochs=2"\n  DRY=1 says what would be made, and runs nothing\n'

# The stages, in order. Each makes everything it stands on first. RUNNER=native runs them without a container.
prepare:    ## clean, deduplicate and split the conversations
fetch:      ## the base model and tokenizer at a pinned revision, every file hashed
synth:      ## more rows to train on, made by a model from those there are: ARGS="synth=self_instruct ..."
preflight:  ## tokenize and mask every row once, and look
train:      ## LoRA fine-tune on exactly those tokens
smoke:      ## generate with base and adapter in Hugging Face, on held-out rows
merge:      ## fold the adapter into the base weights, and prove it
convert:    ## F32 and F16 GGUF with the pinned llama.cpp, and prove them
quantize:   ## the GGUFs that ship, from F32
verify:     ## what survived of the fine-tune in every artifact
judge:      ## is the GGUF better than the base, by a judge that was qualified first: ARGS="judge=pairwise ..."
report:     ## report.html, model card, Modelfile, SHA256SUMS, certificate

$(STAGES): $(needs_$(STAGE_RUNNER))
	$(run)$(typed) $@ $($(STAGE_RUNNER)) $@

all: $(needs_$(STAGE_RUNNER))  ## every stage, to the certificate
	$(run)$(typed) $@ $($(STAGE_RUNNER)) all

demo: $(needs_$(DEMO_RUNNER))  ## the whole chain on a small model and data of our own, no GPU, no hub and no container
	$(run)$(if $(filter container,$(DEMO_RUNNER)),GPUS=$(or $(GPUS),none)) $(typed) $@ $($(DEMO_RUNNER)) all experiment=demo

chat: $(needs_$(STAGE_RUNNER))  ## talk to a run's GGUF: ARGS="run.name=mine"; against=base shows the base model beside it
	$(run)$(typed) $@ $($(STAGE_RUNNER)) chat

serve: $(needs_$(STAGE_RUNNER))  ## the same GGUF as an OpenAI-compatible endpoint: ARGS="run.name=mine port=8080"
	$(run)$(typed) $@ $($(STAGE_RUNNER)) serve

diagnose: $(needs_$(STAGE_RUNNER))  ## from what is on disk to the cause: ARGS="run.name=mine", or anybody's files: ARGS="diagnose.look=[folder,log.json]"
	$(run)$(typed) $@ $($(STAGE_RUNNER)) diagnose

estimate: $(needs_$(STAGE_RUNNER))  ## memory, disk, time, money and cards, before anything is downloaded: ARGS="model=qwen3_8b prepare.files=[my.jsonl]"
	$(run)$(typed) $@ $($(STAGE_RUNNER)) estimate

forgetting: $(needs_$(STAGE_RUNNER))  ## what a run's GGUF has forgotten of what its base can: ARGS="run.name=mine"
	$(run)$(typed) $@ $($(STAGE_RUNNER)) forgetting

preview: $(needs_$(STAGE_RUNNER))  ## which tokens of your rows are graded, for any model: ARGS="model.id=..."
	$(run)$(typed) $@ $($(STAGE_RUNNER)) preview

compare:        ## two runs, folders or GGUFs on the same rows: ARGS="compare.a=runs/first compare.b=runs/second"
compare-votes:  ## what people voted on its blind sheet: ARGS="compare.votes=[a.json,b.json]"
compare-live:   ## two arms in real use, and whether to stop: ARGS="compare.use=votes.jsonl"; without it, how many votes
judge-sheet:    ## a blind sheet of what a run's judge was asked: ARGS="run.name=mine"

$(COMPARING): $(needs_$(STAGE_RUNNER))
	$(run)$(typed) $@ $($(STAGE_RUNNER)) $@

shell: $(needs_$(STAGE_RUNNER))  ## a shell where the stages run
ifeq ($(STAGE_RUNNER),container)
	@$(container) bash
else
	@PATH="$(CURDIR)/.venv/bin:$(CURDIR)/vendor/llama.cpp/build/bin:$$PATH" $${SHELL:-/bin/bash} -i
endif

image:  ## build the image: ACCELERATOR=cuda|cpu, ENGINE=docker|podman, BASE_BUILD and BASE_RUNTIME by digest
	$(run)$(typed) $@ $(PYTHON) -m jobs.launch.container.image

doctor:  ## what is here (GPU, driver, engine, image, libraries, disk, memory), and what is missing for which target
	$(run)$(PYTHON) -m jobs.launch.doctor

# RunPod, from a machine without a GPU: RUNPOD_API_KEY from the environment, the pod from runpod.yaml, DRY=1 changes nothing.
pod-submit:  ## rent a pod for one job: ARGS="job.run=... image=... -- key=value"; DRY=1 shows request and price
pod-status:  ## our pods, with what they cost
pod-logs:    ## follow a run's log to its exit code: ARGS=job.run=...
pod-stop:    ## let a run's job save its state, and release the GPU
pod-delete:  ## delete a run's pod; the volume stays
pod-reap:    ## delete pods whose job has ended, that are over their time, or that never started

$(PODS): $(needs_host)
	$(run)$(typed) $@ $(PY) -m jobs.launch.runpod.command $(@:pod-%=%)

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

.venv/.llama: .venv/.made vendor/llama.cpp/PIN vendor/llama.cpp/build.py vendor/llama.cpp/binding.py vendor/llama.cpp/variants.py $(if $(wildcard vendor/llama.cpp/build/build.json),,always)
	@$(PY) vendor/llama.cpp/build.py
	@touch $@

.PHONY: always
always:

.venv/examples/.made: .venv/.made requirements/examples.txt
	@rm -rf $(@D)
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target $(@D) -r requirements/examples.txt
	@touch $@

test: setup .venv/examples/.made  ## every test that needs no GPU
	$(run)$(typed) $@ $(PY) -m pytest

torture: setup  ## kills, damage, full disks and edits on a small case, a few minutes: ARGS="trials=1000 only=kills,stops seed=1"
	$(run)$(typed) $@ $(PY) -m tests.torture

faults: setup  ## faults put into healthy runs: which gate stops each, what diagnose says (hours): ARGS="only=tags seeds=1 folder=..."
	$(run)$(typed) $@ $(PY) -m tests.faults

test-container: setup  ## build the CPU image on a base of our own and run the demo in it, locked down (root, podman)
	$(run)$(typed) $@ $(PY) -m pytest -n 0 -m container tests/container

# Unsloth beside the stack, found by PYTHONPATH alone: its own requirements would change the stack's pins.
UNSLOTH = PYTHONPATH="$(CURDIR)/.venv/unsloth" $(typed) $@ $(PY)
.venv/.unsloth: .venv/.made requirements/unsloth.txt
	@rm -rf .venv/unsloth
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --target .venv/unsloth -r requirements/unsloth.txt
	@touch $@

test-unsloth: setup .venv/.unsloth  ## the unsloth backend against hf, on a CPU
	$(run)KIWAME_TEST_DEVICE=cpu $(UNSLOTH) -m pytest -n 0 -m gpu tests/gpu

test-gpu: setup .venv/.unsloth  ## the same on a GPU, if the PyTorch in .venv can use one
	$(run)KIWAME_TEST_DEVICE=cuda $(UNSLOTH) -m pytest -n 0 -m gpu tests/gpu

bench-gpu: setup .venv/.unsloth  ## a GPU's training steps, hf and unsloth, and its scoring: ARGS="shapes=0.6B,4B"
	$(run)$(UNSLOTH) -m tests.bench_gpu

check: setup  ## ruff, formatting, mypy strict, and that the generated docs are fresh
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m jobs rules | diff -u docs/rules.md - || { echo "docs/rules.md is stale: run make docs" >&2; exit 1; }

docs: setup  ## generate docs/rules.md and docs/failures.md
	@mkdir -p docs
	@$(PY) -m jobs rules > docs/rules.md.new && mv docs/rules.md.new docs/rules.md
	@$(PY) -m jobs failures > docs/failures.md.new && mv docs/failures.md.new docs/failures.md

licences:  ## docs/licences.md, from what is in the image
	@mkdir -p docs
	@GPUS=none $(container) python -m jobs.launch.container.licences > docs/licences.md.new && mv docs/licences.md.new docs/licences.md

lock: setup  ## requirements/cuda.txt from cuda.in, with hashes; reads the index, installs nothing of it
	@$(PY) -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(PY) -m uv pip compile --quiet requirements/cuda.in --python-platform x86_64-manylinux_2_28 --python-version 3.12 \
	  --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock" -o requirements/cuda.txt

bench: setup  ## time and memory of the demo's stages, and ratios against the stock tools
	$(run)$(typed) $@ $(PY) -m tests.bench

# On a cluster, as a Kubernetes Job: words of the config, and k8s.key=value for what k8s/launch.yaml has.
k8s-render:  ## the manifests of a run, for another tool to apply
k8s-submit:  ## start a run: ARGS="run.name=mine k8s.image=... k8s.rows=[my.jsonl]"
k8s-logs:    ## follow it to its end: ARGS=run.name=...
k8s-status:  ## how it stands; without ARGS, every run
k8s-delete:  ## stop it and remove its Job; what it made stays on the volume

$(CLUSTER): $(needs_host)
	$(run)$(typed) $@ $(PY) -m jobs.launch.kubernetes.command $(@:k8s-%=%)

clean:  ## remove .venv; runs and what is cached outside stay
	rm -rf .venv
