#!/bin/sh
# Runs the pinned govulncheck on the module in the directory given ("." or "e2e"). Fails when the code
# calls something vulnerable. govulncheck asks an online database; where that can't be reached, nothing
# is known, and NOT CHECKED is the last line. That is no failure unless VULNCHECK=required says so,
# in CI neither: a machine without Internet access must be able to lint. Set it where there is access, so that
# a blocked host is not taken for a passed check.
set -eu
case ${VULNCHECK:-} in '' | required) ;; *) echo "VULNCHECK is either required or not set" >&2; exit 2 ;; esac
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
	echo "NOT CHECKED for known vulnerabilities ($1): govulncheck can't reach its database, ${GOVULNDB:-https://vuln.go.dev}; VULNCHECK=required makes that a failure" >&2
	[ "${VULNCHECK:-}" != required ] || exit 1
	exit 0
fi
cat "$out" >&2
exit "$status"
