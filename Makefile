# Two targets set everything up in .venv: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
#: Of `make chaos`.
MINUTES ?= 10
#: Folder with MNIST/raw, for `make verify`; downloaded into the user's cache if not given.
DATA ?=

.PHONY: setup demo test test-slow test-browser test-cluster chaos lint docs site ship findings \
	verify bench gpu constraints clean

setup: $(VENV)/.ready

# pip is told to stay with exact versions; the stamp is made anew when they or the project change.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[run,dev]'
	touch $@

demo: setup  ## run the study `digits` and write its report
	$(BIN)/untuned run digits
	$(BIN)/untuned report digits

test: setup lint  ## style, types, imports between the folders, and the tests
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

test-slow: setup  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

test-browser: setup  ## the report's page and the explorer in Chromium, skipped where there is none
	$(BIN)/python -m pytest -m browser tests/analysis/test_browser.py \
		tests/orchestrator/test_explorer_page.py

test-cluster: setup  ## several nodes, an object store, kills: some minutes
	$(BIN)/python -m pytest -m cluster

chaos: setup  ## a study under fire for MINUTES, compared with an undisturbed run (root, Linux)
	$(BIN)/python tests/chaos.py --minutes $(MINUTES)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup  ## docs/commands.md and docs/columns.md, from the code
	$(BIN)/python -m orchestrator.cli._docs_page > docs/commands.md
	$(BIN)/python -m orchestrator.cli._columns_page > docs/columns.md

site: setup  ## the documentation as a site, in build/site; a broken link is an error
	$(BIN)/python -m sphinx -W --keep-going -n docs build/site

#: Of `make ship`: a study, and the folder or URI of all results.
STUDY ?=
FROM ?= results

ship: setup  ## put the finished trials of STUDY, from FROM, into studies/results
	$(BIN)/python -m orchestrator.cli._ship $(STUDY) --results $(FROM)

findings: setup  ## docs/findings.md, from the shipped results
	$(BIN)/python -m orchestrator.cli._findings

verify: setup  ## LeNet on MNIST, ours beside the official implementation (some ten minutes)
	$(BIN)/untuned run lenet-mnist $(if $(DATA),--data $(DATA))
	$(BIN)/untuned run lenet-mnist-signs $(if $(DATA),--data $(DATA))
	$(BIN)/python -m analysis.reference results/lenet-mnist results/lenet-mnist-signs

#: Of `make bench`: --quick or --full; NAME=PATH of checkouts of open_lth and hidden-networks; an
#: older commit of this project.
QUICK ?=
PEERS ?=
AGAINST ?=

bench: setup  ## what it costs: one table, kept in results/benchmarks.parquet
	$(BIN)/python tests/benchmarks/bench.py $(QUICK) $(PEERS:%=--peer %) \
		$(if $(AGAINST),--against $(AGAINST))

#: Of `make gpu`: a Python with PyTorch, which needs no Ray; DATA may be several folders.
GPU_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))

gpu:  ## what one GPU can settle in eight minutes; without one, the checks that need none
	@PYTHONPATH=. $(GPU_PYTHON) tests/benchmarks/gpu.py $(DATA:%=--data %)

constraints:  ## install what pyproject.toml asks for and write the versions down
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[run,dev]'
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' > constraints.txt

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
