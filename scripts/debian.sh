#!/bin/sh
# debian.sh PACKAGE PROGRAM...: prints the path of a program to test with, and nothing else, on standard output:
#   1. the first of the names that is on the PATH, or where servers are put;
#   2. the first of them in Debian's package, downloaded with what it needs and unpacked below the cache: nothing is
#      installed, and no root is needed. Its libraries are then in usr/lib/*-linux-gnu beside it.
# Everything meant for people goes to standard error.
set -eu
package=$1
shift

say() { echo "debian.sh: $*" >&2; }
die() { say "$*"; exit 1; }
look() {
	for dir in "$1/usr/bin" "$1/usr/sbin"; do
		for name in $names; do
			if [ -x "$dir/$name" ]; then echo "$dir/$name"; exit 0; fi
		done
	done
}

names=$*
for name in $names; do
	if found=$(command -v "$name"); then echo "$found"; exit 0; fi
done
look "" # an operator's PATH has no sbin

cache=${XDG_CACHE_HOME:-$HOME/.cache}/vault-plugin-secrets-oauthrefresh/$package
look "$cache"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
	die "found none of $names, and no apt-get to get Debian's $package with: install it"

say "found none of $names, so downloading Debian's $package to $cache, once"
mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
apt() {
	apt-get -qq -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o Dir::State::lists="$work/lists" \
		-o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" "$@" >&2
}
apt update || die "apt-get update fails: install $package"
apt install --download-only --no-install-recommends -y "$package" || die "$package can't be downloaded: install it"
for archive in "$work"/archives/*.deb; do
	dpkg-deb -x "$archive" "$work/root"
done
rm -rf "$cache"
mv "$work/root" "$cache"
look "$cache"
die "Debian's $package holds none of $names"
