# make demo: the whole workflow on synthetic faces. make test: the tests. Both set up .venv first if it is missing.
PYTHON ?= python3
CORES ?= $(shell nproc)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test check bench

demo: .venv/installed
	snakemake --cores $(CORES)

test: .venv/installed check
	python -m pytest

check: .venv/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint

bench: .venv/installed
	python -m benchmarks.detection
	python -m benchmarks.synthetic_difficulty
	python -m benchmarks.imdb_wiki_index
	python -m benchmarks.training_step
	python -m benchmarks.head
	python -m benchmarks.input_pipeline
	python -m benchmarks.alignment
	python -m benchmarks.memory
	python -m benchmarks.lopo
	python -m benchmarks.graph
	python -m benchmarks.interruptions

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	python -m pip install --requirement requirements.txt
	python -m pip install --no-deps --editable .
	touch $@
