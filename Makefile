# `make app` and `make test` are all a newcomer needs; `make help` lists the rest.
# Each prepares .venv first, installs only what changed, and says what it does.

VENV ?= .venv
PYTHON = $(VENV)/bin/python
# Passed on: `make app ARGS="--port 7861"`, `make test ARGS="-k ring_cache"`.
ARGS ?=
# Processes for the tests; each imports TensorFlow, so two cores carry two.
WORKERS ?= 2
# What of the models says the most about a backend, in the least time.
DECODING = tests/models/test_decoding.py
GOLDEN = tests/models/longformer/test_golden.py
# Ids beyond a table, and errors in the data: JAX has no errors or rules of its own.
DATA = tests/models/test_index_checks.py tests/models/test_kept_weights.py
# What of the ops differs most between backends: attention with all it has, and loops.
ON_JAX = tests/ops/test_longformer_attention.py tests/ops/test_recurrent_scan.py
# The rest of them is left to `make check`.
OTHER_OPS = $(filter-out $(ON_JAX),$(wildcard tests/ops/test_*.py))
# What meets the standard library and NumPy most, and a model of each family.
SMALL = tests/patterns tests/safe_files tests/text tests/test_persistence.py \
	tests/app/test_command_line.py tests/models/test_saved_before.py
LONG = slow or browser or parity or multiprocess

prepare = @VENV=$(VENV) sh tools/prepare_environment.sh
pytest = $(PYTHON) -m pytest

.DEFAULT_GOAL := help
.PHONY: help app test check backends other-python lint format golden lock clean distclean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

app: ## Start the page on http://127.0.0.1:7860
	$(prepare) app
	$(PYTHON) app.py $(ARGS)

test: ## Run the short suite on TensorFlow, then what depends on the backend on JAX
	$(prepare) test
	KERAS_BACKEND=tensorflow $(pytest) -n $(WORKERS) --dist loadfile $(ARGS)
	KERAS_BACKEND=jax $(pytest) -n $(WORKERS) --dist loadfile $(ARGS) \
		$(wildcard $(ON_JAX))

check: ## Run the long suite: slow, browser, multi-process, parity; ops, layers, decoding on JAX and PyTorch
	$(prepare) check
	KERAS_BACKEND=tensorflow $(pytest) -n $(WORKERS) --dist loadfile \
		-m "$(LONG)" $(ARGS)
	KERAS_BACKEND=jax LONGKERAS_REQUIRE_ALL=0 $(pytest) -n $(WORKERS) \
		--dist loadfile $(ARGS) $(OTHER_OPS) \
		$(wildcard tests/layers $(DECODING) $(GOLDEN) $(DATA))
	KERAS_BACKEND=torch LONGKERAS_REQUIRE_ALL=0 $(pytest) -n $(WORKERS) \
		--dist loadfile $(ARGS) $(wildcard tests/ops $(DECODING) $(GOLDEN))

backends: ## Run on JAX what the other targets run on TensorFlow alone (half an hour)
	$(prepare) check
	KERAS_BACKEND=jax LONGKERAS_REQUIRE_ALL=0 $(pytest) -n $(WORKERS) \
		--dist loadfile $(ARGS) $(wildcard tests/models tests/conversion)
	KERAS_BACKEND=jax LONGKERAS_REQUIRE_ALL=0 $(pytest) -n $(WORKERS) \
		--dist loadfile -m slow -k "not many_cases" $(ARGS) $(wildcard tests/ops)

other-python: ## Run a small part on another Python (BASE_PYTHON=python3.13)
	@VENV=$(VENV)-other sh tools/prepare_environment.sh test
	KERAS_BACKEND=tensorflow $(VENV)-other/bin/python -m pytest -n $(WORKERS) \
		--dist loadfile $(ARGS) $(wildcard $(SMALL))

lint: ## Check style and types
	$(prepare) test
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: ## Rewrite the code in the project's style
	$(prepare) test
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

golden: ## Write what is generated: the public names, the README's table
	$(prepare) test
	$(PYTHON) -m tools.public_names --write
	$(PYTHON) -m tools.readme_table --write

lock: ## Resolve the newest versions into requirements/*.lock
	$(prepare) test
	VENV=$(VENV) sh tools/lock_requirements.sh

clean: ## Remove caches and build outputs
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +

distclean: clean ## Remove the environment too
	rm -rf "$(VENV)" "$(VENV)-other"
