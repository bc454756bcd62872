# make demo: the whole workflow on synthetic faces. make test: lint and all tests. make smoke: the quick ones of them.
# make faults: damaged and hostile files, bad disks and kills, thousands of each, in a quarter of an hour (docs/reliability.md).
# Each sets up .venv first if it is missing.
PYTHON ?= python3
# TORCH=cpu installs torch without CUDA, and no bytecode ahead of its use: a quarter of the disk.
SMALL = $(if $(filter cpu,$(TORCH)),--no-compile --extra-index-url https://download.pytorch.org/whl/cpu)
CORES ?= $(shell nproc)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Each process of the tests has a core; two threads in each would wait for one another.
test smoke faults: export OMP_NUM_THREADS = 1
# What takes minutes begins first, so that no core waits for it at the end.
LONG = tests/slurm tests/workflow tests/test_recipes.py tests/forecast

.PHONY: demo test smoke check faults bench

demo: .venv/installed
	snakemake --cores $(CORES)

test: .venv/installed check
	python -m pytest -n $(CORES) --dist loadscope --no-loadscope-reorder $(LONG) tests

smoke: .venv/installed
	ruff check .
	python -m pytest -n $(CORES) --dist loadscope --quiet -m "not slow" tests/suite tests/progressive_margin tests/methods tests/baselines tests/folds tests/test_stage.py

check: .venv/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint
	mypy

# Damaged and hostile files, bad disks and kills: see docs/reliability.md.
faults: .venv/installed
	PML_FAULTS=all python -m pytest -n $(CORES) --dist load --show-capture=no --tb=short tests/faults

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
	python -m benchmarks.frozen
	python -m benchmarks.precision
	python -m benchmarks.whole_loop
	python -m benchmarks.graph
	python -m benchmarks.interruptions
	python -m benchmarks.determinism
	python -m benchmarks.predict

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	python -m pip install --requirement requirements.txt $(SMALL)
	python -m pip install --no-deps --editable .
	touch $@
