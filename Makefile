# Every target sets up what it needs first.
#   PYTHON=python3.12 make run    on another Python than python3
#   make setup EXTRA=cuda         TensorFlow for NVIDIA GPUs, or cpu; unasked, what suits the machine

export PIP_DISABLE_PIP_VERSION_CHECK = 1

# The stamp's name says what .venv was made from. A change makes it anew, from nothing, because
# TensorFlow's packages overwrite each other's files. An interpreter or extra asked for once stays
# until then: without PYTHON, the one to compare with is .venv's own.
print_version = 'import sys; print("%d.%d" % sys.version_info[:2])'
version := $(shell "$(or $(PYTHON),.venv/bin/python)" -c $(print_version) 2>/dev/null)
sources := $(shell { pwd; cat pyproject.toml constraints.txt; } | cksum | cut -d ' ' -f 1)
stamp   := $(wildcard .venv/made-with-$(version)-$(or $(EXTRA),*)-$(sources))

.PHONY: help run test bench lab setup clean venv

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' Makefile

run: setup  ## run notebooks 01 to 07 into runs/, then show what came out in a table
	.venv/bin/python -m ffhelpers run notebooks/0[1-7]*.ipynb --output runs

test: setup  ## run the tests, then every notebook, comparing its outputs with the stored ones
	.venv/bin/python -m pytest
	.venv/bin/python -m pytest --nbval --nbval-current-env notebooks

bench: setup  ## measure speed and memory against the machine and backprop, some minutes
	.venv/bin/python benchmarks/bench.py

lab: setup  ## open the notebooks in JupyterLab
	.venv/bin/python -m jupyterlab notebooks

setup: $(if $(stamp),,venv)  ## make .venv with the pinned dependencies and fetch MNIST
	@.venv/bin/python -m ffhelpers data mnist

clean:  ## remove .venv, runs/ and caches; the data stays in Keras's cache
	rm -rf .venv runs *.egg-info .pytest_cache .hypothesis .ruff_cache
	find . '(' -name __pycache__ -o -name .ipynb_checkpoints ')' -prune -exec rm -rf {} +

venv:
	@set -e; fail() { echo "$$*" >&2; exit 1; }; \
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
	echo "making .venv: Python $$found, TensorFlow for $$extra, a minute or two ..."; \
	rm -f .venv/made-with-*; \
	"$$python" -m venv --clear .venv; \
	.venv/bin/python -m pip install -qq -c constraints.txt -e ".[$$extra,lab,test]" || \
		fail "pip could not install the dependencies, see above (no network?); make setup starts over"; \
	touch ".venv/made-with-$$found-$$extra-$(sources)"
