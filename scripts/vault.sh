#!/bin/sh
# Prints the path of a Vault binary to test with, and nothing else, on standard output:
#   1. $VAULT_BIN, when set;
#   2. vault on the PATH;
#   3. the one that an earlier run built and cached;
#   4. a new build of the version pinned in tools/vault/go.mod.
# Everything meant for people goes to standard error.
set -eu
cd "$(dirname "$0")/../tools/vault"

say() { echo "vault.sh: $*" >&2; }
die() { say "$*"; exit 1; }
works() { "$1" version >/dev/null 2>&1; }
found() { echo "$1"; exit 0; }

if [ -n "${VAULT_BIN:-}" ]; then
	case $VAULT_BIN in
	/*) ;;
	*) die "VAULT_BIN is a relative path; give it as an absolute one" ;;
	esac
	[ -x "$VAULT_BIN" ] || die "VAULT_BIN: $VAULT_BIN is not an executable file; unset VAULT_BIN to let me find or build a Vault"
	works "$VAULT_BIN" || die "VAULT_BIN: '$VAULT_BIN version' fails; is it a Vault for this machine?"
	found "$VAULT_BIN"
fi

if installed=$(command -v vault); then
	works "$installed" && found "$installed"
	say "'$installed version' fails; looking for another Vault"
fi

version=$(go list -m -f '{{.Version}}' github.com/hashicorp/vault)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vault-plugin-secrets-oauthrefresh/vault-${version#v}
vault=$cache/vault
works "$vault" && found "$vault"

# Two builds at once would only waste an hour of processor time, since each writes a file of its
# own and renames it; so a lock whose owner has died may simply be taken over.
lock=$cache/building
mkdir -p "$cache"
until mkdir "$lock" 2>/dev/null; do
	owner=$(cat "$lock/pid" 2>/dev/null || echo unknown)
	if [ "$owner" != unknown ] && ! kill -0 "$owner" 2>/dev/null; then
		rm -rf "$lock"
		continue
	fi
	[ -n "${waiting:-}" ] || say "process $owner is building Vault already (lock: $lock); waiting for it"
	waiting=yes
	sleep 2
done
echo $$ >"$lock/pid"

build=
tmp=$cache/vault.$$
log=$cache/build.log
cleanup() {
	[ -z "$build" ] || kill "$build" 2>/dev/null || true
	rm -rf "$lock" "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
works "$vault" && found "$vault"

say "no Vault found (VAULT_BIN unset, no vault on the PATH), so building $version from source, once."
say "That takes 10 to 20 minutes with a cold Go build cache: Vault is about 1900 packages, and Go"
say "compiles each. The next run finds it in $cache."
say "Shorter: install Vault, or set VAULT_BIN to a binary, and start again."

# `minimal` leaves out the built-in plugins for clouds and databases: none is needed here.
go build -v -tags minimal -o "$tmp" github.com/hashicorp/vault >"$log" 2>&1 &
build=$!
start=$(date +%s)
elapsed() { t=$(($(date +%s) - start)); printf '%dm%02ds' $((t / 60)) $((t % 60)); }
seconds=0
while kill -0 "$build" 2>/dev/null; do
	sleep 1
	seconds=$((seconds + 1))
	[ $((seconds % 30)) -eq 0 ] || continue
	downloaded=$(grep -c '^go: downloading' "$log" || true)
	compiled=$(grep -vc '^go: ' "$log" || true)
	say "$(elapsed): $downloaded modules downloaded, $compiled of at most 1900 packages compiled"
done
if ! wait "$build"; then
	build=
	tail -n 15 "$log" >&2
	die "the build failed; the whole log is $log"
fi
build=
works "$tmp" || die "the Vault just built does not run: $tmp version fails"
mv "$tmp" "$vault"
say "built in $(elapsed): $vault"
found "$vault"
