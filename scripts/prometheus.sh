#!/bin/sh
# Prints the path of a promtool to test examples/prometheus with, and nothing else, on standard output:
#   1. $PROMTOOL, when set;
#   2. promtool on the PATH;
#   3. the one that an earlier run built and cached;
#   4. a new build of the version pinned in tools/prometheus/go.mod.
# Everything meant for people goes to standard error.
set -eu
cd "$(dirname "$0")/../tools/prometheus"

say() { echo "prometheus.sh: $*" >&2; }
die() { say "$*"; exit 1; }
works() { "$1" --version >/dev/null 2>&1; }
found() { echo "$1"; exit 0; }

if [ -n "${PROMTOOL:-}" ]; then
	case $PROMTOOL in
	/*) ;;
	*) die "PROMTOOL is a relative path; give it as an absolute one" ;;
	esac
	works "$PROMTOOL" || die "PROMTOOL: '$PROMTOOL --version' fails; unset PROMTOOL to let me find or build one"
	found "$PROMTOOL"
fi

if installed=$(command -v promtool); then
	works "$installed" && found "$installed"
	say "'$installed --version' fails; looking for another promtool"
fi

version=$(go list -m -f '{{.Version}}' github.com/prometheus/prometheus)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vault-plugin-secrets-oauthrefresh/prometheus-${version#v}
promtool=$cache/promtool
works "$promtool" && found "$promtool"

mkdir -p "$cache"
tmp=$promtool.$$
trap 'rm -f "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say "no promtool found (PROMTOOL unset, none on the PATH), so building $version from source, once."
say "That takes 4 to 8 minutes with a cold Go build cache. The next run finds it in $cache."
# Without the discovery of targets in clouds, whose clients are a fifth of what would be compiled.
go build -tags remove_all_sd -o "$tmp" github.com/prometheus/prometheus/cmd/promtool >&2 ||
	die "the build failed, see above"
works "$tmp" || die "the promtool just built does not run: $tmp --version fails"
mv "$tmp" "$promtool" # two builds at once: the later one wins, and both are whole
found "$promtool"
