# Every target sets up what it needs first.
#   PYTHON=python3.12 make run    on another Python than python3
#   make setup EXTRA=cuda         TensorFlow for NVIDIA GPUs, or cpu; unasked, what suits the machine
#   make run NOTEBOOKS=notebooks/01_data_editing.ipynb
#   make test SOME=1              some of the slow tests too, others for each commit, as CI
#   make test-browser FULL=1      the notebooks' own parameters, many minutes
#   make bench SMALL=1            sizes that only show that it works
#   make pins UPGRADE=1           take the newest versions

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Which no virtual environment takes.
export PIP_USER = 0

NOTEBOOKS ?= $(sort $(wildcard notebooks/[0-9]*.ipynb))

# The stamp's name says what .venv was made from. A change makes it anew, from nothing, because
# TensorFlow's packages overwrite each other's files. An interpreter or extra asked for once stays
# until then: without PYTHON, the one to compare with is .venv's own.
print_version = 'import sys; print("%d.%d" % sys.version_info[:2])'
version := $(shell "$(or $(PYTHON),.venv/bin/python)" -c $(print_version) 2>/dev/null)
sources := $(shell { pwd; cat pyproject.toml pins/*.txt; } | cksum | cut -d ' ' -f 1)
stamp   := $(wildcard .venv/made-with-$(version)-$(or $(EXTRA),*)-$(sources))

# Where Python is to keep no bytecode, it is made at once, as pip does: else each process would
# compile TensorFlow's sources, which takes longer than to import them.
# uv knows neither pip's index nor its certificates: it is told, unless it has its own.
pip    = .venv/bin/python -m pip
of_pip = $$($(pip) config list | sed -nE "s/^(:env:|global|install)[.]$(1)='(.*)'$$/\2/p" | head -n 1)
uv     = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${UV_INDEX_URL:-$(call of_pip,index-url)}}" \
	SSL_CERT_FILE="$${SSL_CERT_FILE:-$(call of_pip,cert)}" .venv/bin/python -m uv

# What only some targets need, beside what is there.
install = { $(uv) pip install -q --python .venv/bin/python --require-hashes -r $(1) || \
	$(pip) install -qq --require-hashes -r $(1); }

.PHONY: help run test test-all test-browser test-kaggle test-lowest test-newest audit kaggle badges \
	bench book results lab setup pins clean venv

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

run: setup  ## run all notebooks into runs/, two at a time, then show what came out in a table
	.venv/bin/python -m ffhelpers run $(NOTEBOOKS) --jobs 2 --output runs

test: setup  ## run the tests, and every notebook, comparing its outputs with the stored ones
	.venv/bin/python -m pytest -n 2 --nbval --nbval-current-env tests notebooks \
		$(if $(SOME),--some,$(if $(ALL),,-m "not slow"))

test-all:  ## the same with all slow tests, of which CI has some, such as 300 kills: hours
	$(MAKE) test ALL=1

# Kaggle has Python 3.12; the pins suit 3.11 too, and IPython 7 knows none that is newer.
test-kaggle: setup  ## run the notebooks with Kaggle's versions and no network, as root
	UV_PYTHON="$${UV_PYTHON:->=3.11,<3.13}" .venv/bin/python -m uv venv -q --clear \
		--no-python-downloads .venv-kaggle
	$(uv) pip install -q --python .venv-kaggle/bin/python \
		--require-hashes -r pins/kaggle.txt
	.venv/bin/python -m pytest -n 2 tests/kaggle/notebooks.py $(if $(SOME),--some); \
		status=$$?; rmdir /kaggle 2>/dev/null; exit $$status

# What is asked of old and new versions alike.
ALIKE = tests/test_saved.py tests/test_losses.py tests/test_layers.py tests/test_convolutions.py \
	tests/test_local.py tests/test_plots.py tests/test_parameters.py tests/test_contract.py

# What rests on Keras's own inner workings.
KERAS = tests/test_model.py tests/test_trainer.py tests/test_readout.py tests/test_resume.py \
	tests/test_phases.py

test-lowest: setup  ## run some tests and a notebook with the oldest versions that are allowed
	UV_PYTHON="$${UV_PYTHON:->=3.10,<3.12}" .venv/bin/python -m uv venv -q --clear \
		--no-python-downloads .venv-lowest
	$(uv) pip install -q --python .venv-lowest/bin/python --require-hashes -r pins/lowest.txt
	PYTHONPATH="$$PWD" .venv-lowest/bin/python -m pytest -q -n 2 $(ALIKE) \
		"tests/test_notebooks.py::test_it_runs_on_data_of_ones_own[04_evaluation]"
	PYTHONPATH="$$PWD" .venv-lowest/bin/python -m pytest -q -n 2 -m "not slow" $(KERAS)

# What the registry has today has no hashes yet: this alone is installed without them.
test-newest: setup  ## run some tests with the newest versions there are, Keras's pre-releases too
	.venv/bin/python -m uv venv -q --clear .venv-newest
	$(uv) pip install -q --python .venv-newest/bin/python --prerelease if-necessary-or-explicit \
		"keras>=0a0" -r pyproject.toml --extra cpu --extra test
	@$(uv) pip freeze --python .venv-newest/bin/python | grep -E "^(tensorflow-cpu|tensorflow|keras|numpy)=="
	PYTHONPATH="$$PWD" .venv-newest/bin/python -m pytest -q -n 2 -m "not slow" $(ALIKE) $(KERAS)

# pip-audit asks a service that not every machine reaches; then it knows of no package.
audit: setup  ## look for what is unsafe in the code, and for what is known of the pinned packages
	@$(call install,pins/audit.txt)
	.venv/bin/python -m bandit -q -c pyproject.toml -r ffhelpers benchmarks docs site
	@found=$$(.venv/bin/python -m pip_audit --progress-spinner off --disable-pip --require-hashes \
		-r pins/cpu.txt -r pins/web.txt -r pins/uv.txt -r pins/audit.txt 2>&1) && status=0 || status=1; \
	case "$$found" in \
		*"Found "*"known vulnerabilit"*) echo "$$found"; exit $$status ;; \
		*"could not be audited: keras "* | *"ConnectionError"*) echo "pip-audit: skipped, no data" ;; \
		*) echo "$$found"; exit $$status ;; \
	esac

kaggle: setup  ## write what Kaggle's own command line uploads into runs/kaggle (OWNER=you)
	$(if $(OWNER)$(KAGGLE_USERNAME),,@echo "name your account: make kaggle OWNER=you" >&2; exit 1)
	.venv/bin/python -m ffhelpers kaggle $(or $(OWNER),$(KAGGLE_USERNAME))

test-browser: setup book  ## run every notebook in JupyterLab, and look at the site, in Chromium
	FULL=$(FULL) .venv/bin/python -m pytest -n 2 --maxschedchunk 1 tests/browser $(if $(SOME),--some)

bench: setup  ## measure speed and memory against the machine and backprop, some minutes
	.venv/bin/python benchmarks/bench.py $(if $(SMALL),--small)

results: setup  ## put the tables of results/ into the README and results.md
	.venv/bin/python -m ffhelpers.running.report

badges: setup  ## put badges under the titles, once pyproject.toml has the repository's address
	.venv/bin/python -m ffhelpers.running.badges

book: setup  ## make a site of the notebooks as they are stored: runs/book/index.html
	@[ "$$(.venv/bin/python -c $(print_version))" != 3.10 ] || { echo "make book needs Python 3.11 to" \
		"3.13: name one, as in PYTHON=python3.12 make book" >&2; exit 1; }
	@$(call install,pins/web.txt)
	rm -rf runs/book
	.venv/bin/python -m sphinx -q -W --keep-going -c site . runs/book

# Lessons link to pages beside their folder, and its terminal knows this `python`. It refuses to run
# as root, as one often is in a container, unless it is told that this is meant.
lab: setup  ## open the notebooks in JupyterLab
	PATH="$$PWD/.venv/bin:$$PATH" .venv/bin/python -m jupyterlab \
		--LabApp.default_url=/lab/tree/notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

setup: $(if $(stamp),,venv)  ## make .venv with the pinned dependencies and fetch MNIST
	@.venv/bin/python -m ffhelpers data mnist

pins: setup  ## resolve pyproject.toml into pins/: exact versions and hashes, for every platform
	@set -e; pin() { \
		$(uv) pip compile -q --generate-hashes --no-annotate $(if $(UPGRADE),--upgrade) \
			--custom-compile-command "make pins" "$$@"; \
	}; \
	every="--universal --python-version 3.10"; \
	pin pyproject.toml $$every --extra cpu --extra lab --extra test -o pins/cpu.txt; \
	pin pyproject.toml $$every --extra cuda --extra lab --extra test -c pins/cpu.txt -o pins/cuda.txt; \
	pin pyproject.toml $$every --extra browser --extra book -c pins/cpu.txt -o pins/web.txt; \
	pin pyproject.toml $$every --extra audit -c pins/cpu.txt -o pins/audit.txt; \
	pin --group setup $$every -o pins/uv.txt; \
	pin pyproject.toml --resolution lowest-direct --python-version 3.10 --extra cpu --extra test \
		-o pins/lowest.txt; \
	pin --group kaggle --python-version 3.11 -o pins/kaggle.txt

clean:  ## remove .venv, runs/ and caches; the data stays in Keras's cache
	rm -rf .venv .venv-kaggle .venv-lowest .venv-newest runs *.egg-info .pytest_cache .hypothesis .ruff_cache
	find . '(' -name __pycache__ -o -name .ipynb_checkpoints ')' -prune -exec rm -rf {} +

venv:
	@set -e; fail() { echo "$$*" >&2; exit 1; }; \
	case "$$(uname -sm) $$(ldd --version 2>&1)" in \
		"Darwin x86_64 "*) fail "TensorFlow has no wheels for Macs with an Intel processor: see" \
			"docs/using.md for Kaggle and Colab" ;; \
		*musl*) fail "TensorFlow has no wheels for Linux with musl, such as Alpine: take a Debian" \
			"or Ubuntu, or a container of them" ;; \
	esac; \
	python="$(or $(PYTHON),python3)"; extra="$(EXTRA)"; \
	found=$$("$$python" -c $(print_version) 2>/dev/null) || found=missing; \
	case "$$found" in \
		3.1[0-3]) ;; \
		*) fail "$$python is $$found, TensorFlow needs Python 3.10 to 3.13:" \
			"install one and name it, as in PYTHON=python3.12 make $(MAKECMDGOALS)" ;; \
	esac; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || \
		fail "$$python cannot make virtual environments: on Debian and Ubuntu, apt install python$$found-venv"; \
	[ "$$extra" ] || if nvidia-smi -L >/dev/null 2>&1; then extra=cuda; else extra=cpu; fi; \
	echo "making .venv: Python $$found, TensorFlow for $$extra ..."; \
	rm -f .venv/made-with-*; \
	"$$python" -m venv --clear .venv; \
	compile="$${PYTHONDONTWRITEBYTECODE:+--compile-bytecode}"; \
	{ $(pip) install -qq -r pins/uv.txt && $(uv) pip install -q --python .venv/bin/python \
		$$compile --require-hashes -r "pins/$$extra.txt"; } || { \
		echo "without uv this takes pip some minutes ..."; \
		$(pip) install -qq --require-hashes -r "pins/$$extra.txt"; \
	} && $(pip) install -qq --no-deps --no-build-isolation -e . || \
		fail "pip could not install the dependencies, see above (no network?); make setup starts over"; \
	touch ".venv/made-with-$$found-$$extra-$(sources)"
