# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything that is made goes to .cache/, which git ignores; nothing of the user's own is touched.

SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help

cache := $(CURDIR)/.cache
importable := .cache/importable/ansible_collections/plugnmeet/server

# Ansible's own files, and the collection as it was built and installed.
export ANSIBLE_HOME := $(cache)/ansible
export ANSIBLE_COLLECTIONS_PATH := $(cache)/collections
export HYPOTHESIS_STORAGE_DIRECTORY := $(cache)/hypothesis

# What the caller says is passed on as it is: neither make nor a shell looks inside. It counts only as an
# argument of make's, for some shells have a HOST of their own in the environment.
options := FIREWALL HOST PROBER ARGS SCENARIO CORE ALL_SCENARIOS RUNS FUZZ_INPUTS VISITS CHAOS_ROUNDS CHAOS_SEED \
    CHAOS_SITUATIONS CHAOS_CORE CHAOS_SLOW CHAOS_JUNK
benching := BENCH_RUNS BENCH_PATHS BENCH_NMAP_SECONDS
said := $(foreach option,$(options),$(if $(filter command,$(origin $(option))),$(option)))
$(foreach option,$(said),$(eval override $(option) := $$(value $(option))))
# Who says firewall=name shall not get the lab without one.
unknown := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
unknown := $(filter-out $(options) $(benching),$(unknown))
$(if $(unknown),$(error nothing is called $(unknown) here; what can be said is, in capitals, $(options) $(benching)))
# What was not said is not there at all, and so differs from what was said to be empty. Each list has one more name, for
# without any these two would be about all variables.
export ANSIBLE_HOME $(said)
unexport MAKE_PREFLIGHT $(filter-out $(said),$(options))

##@ Use
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: preflight
preflight: ## Run the preflight in the lab [FIREWALL=name], or against HOST=name [PROBER=name] [ARGS=...]
	@tests/tools/preflight

##@ Check
.PHONY: test
test: tools ## Run everything there is to check
	@.cache/venv/newest/bin/python tests/tools/run_tests

.PHONY: lint unit sanity visit chaos molecule
lint: tools ## Linters and type checker only
unit: tools ## Unit tests only [ARGS='-k word'] [FUZZ_INPUTS=1000000, for each parser]
sanity: tools ## ansible-test sanity only
visit: tools ## Visits with real browsers only [VISITS="all", or names] [RUNS=10]
chaos: tools ## Preflights to which something happens [CHAOS_ROUNDS=25] [CHAOS_SEED=n] [CHAOS_SITUATIONS=names]
molecule: tools ## Scenarios over the lab only [SCENARIO=name] [CORE=oldest|newest] [ALL_SCENARIOS=1] [RUNS=5]
lint unit sanity visit chaos molecule:
	@.cache/venv/newest/bin/python tests/tools/run_tests $@

.PHONY: format
format: tools ## Put Python files in the form that lint wants
	@.cache/venv/newest/bin/ruff check --fix .
	@.cache/venv/newest/bin/ruff format .

.PHONY: pictures
pictures: tools ## Take the pictures of the page that docs/ has
	@PICTURES=docs VISITS="hole-of-three closed-media closed-all all-open over firefox-without-webrtc" \
	    .cache/venv/newest/bin/python tests/tools/run_tests visit

.PHONY: bench
bench: tools ## Measure beside other tools [BENCH_RUNS=n] [BENCH_PATHS=names]
	@tests/bench/bench

##@ Look after
.PHONY: tools
tools: $(importable) ## Make the tools that the checks use
	@tests/tools/venv newest molecule tools
	@tests/tools/collection

# The checkout under the name that its Python files are imported by, without the folders that no import needs.
$(importable):
	@mkdir -p $@
	@ln -s ../../../../../plugins ../../../../../tests $@

.PHONY: lab-up lab-down
lab-up: ## Start the lab
	@tests/lab/lab up
lab-down: ## Stop the lab, leaving nothing behind
	@tests/lab/lab down
	@PLUGNMEET_LAB=second tests/lab/lab down

.PHONY: clean
clean: ## Remove all that was made in this folder
	@rm -rf .cache
