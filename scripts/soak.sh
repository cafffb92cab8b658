#!/bin/sh
# soak.sh [RUNS] [SUITE]: runs a suite again and again, with a busy loop for every processor beside it, and says how
# often it failed. A test that passes on an idle machine only is one that waits for something else than what it is about.
# SUITE is short (the default: go test -short in e2e), whole (all of e2e) or unit. What failed is kept, and shown.
set -eu
cd "$(dirname "$0")/.."
runs=${1:-20} suite=${2:-short}
logs=$(mktemp -d)
load=
trap 'kill $load 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM HUP

case $suite in
short | whole)
	VAULT_BIN=$(scripts/vault.sh)
	export VAULT_BIN
	(cd e2e && go test -c -o "$logs/suite.test" .)
	;;
unit) go test -count=1 -run '^$' ./... >/dev/null ;; # compiles
*)
	echo "soak.sh: the suite is short, whole or unit" >&2
	exit 2
	;;
esac
once() {
	case $suite in
	short) cd e2e && "$logs/suite.test" -test.short -test.timeout 15m ;;
	whole) cd e2e && "$logs/suite.test" -test.timeout 30m ;;
	unit) go test -count=1 ./... ;;
	esac
}

for _ in $(seq "$(nproc)"); do
	(while :; do :; done) &
	load="$load $!"
done
failed=0
for run in $(seq "$runs"); do
	began=$(date +%s)
	if (once) >"$logs/$run.log" 2>&1; then
		verdict=ok
		rm "$logs/$run.log"
	else
		verdict="FAILED, see $logs/$run.log"
		failed=$((failed + 1))
		grep -E '^ *--- FAIL|_test\.go:[0-9]+:|^FAIL|^panic' "$logs/$run.log" | head -n 20 || true
	fi
	echo "run $run of $runs, $suite: $(($(date +%s) - began)) s, $verdict"
done
echo "$failed of $runs failed"
[ "$failed" -eq 0 ] && rm -rf "$logs"
