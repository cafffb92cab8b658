#!/bin/sh
# Runs the pinned govulncheck on the module in the directory given ("." or "e2e"). Fails when the code
# calls something vulnerable. govulncheck asks an online database; where that can't be reached,
# this says so and succeeds, since a machine without Internet access must be able to lint.
set -eu
lint=$(cd "$(dirname "$0")/../tools/lint" && pwd)
cd "$1"

out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
go tool -modfile="$lint/go.mod" govulncheck ./... >"$out" 2>&1 || status=$?
if [ "$status" -eq 0 ]; then
	exit 0
fi
# "fetching vulnerabilities" is how govulncheck 1.8 starts every failure to reach its database,
# and only that; a finding exits with 3 and another failure (code that doesn't compile) with
# another sentence.
if [ "$status" -ne 3 ] && grep -q '^govulncheck: fetching vulnerabilities' "$out"; then
	echo "NOT CHECKED for known vulnerabilities ($1): govulncheck can't reach its database, ${GOVULNDB:-https://vuln.go.dev}" >&2
	exit 0
fi
cat "$out" >&2
exit "$status"
