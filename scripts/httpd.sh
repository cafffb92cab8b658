#!/bin/sh
# Prints the path of an Apache httpd with mod_ssl to test with, and nothing else, on standard output:
#   1. $HTTPD_BIN, when set;
#   2. apache2 or httpd on the PATH, or where Debian and others put it;
#   3. Debian's apache2-bin, downloaded with what it needs and unpacked below the cache: nothing is installed, and no
#      root is needed.
# Everything meant for people goes to standard error.
set -eu

say() { echo "httpd.sh: $*" >&2; }
die() { say "$*"; exit 1; }

if [ -n "${HTTPD_BIN:-}" ]; then
	[ -x "$HTTPD_BIN" ] || die "HTTPD_BIN: $HTTPD_BIN is not an executable file"
	echo "$HTTPD_BIN"; exit 0
fi
for name in apache2 httpd /usr/sbin/apache2 /usr/sbin/httpd; do
	if found=$(command -v "$name"); then echo "$found"; exit 0; fi
done

cache=${XDG_CACHE_HOME:-$HOME/.cache}/vault-plugin-secrets-oauthrefresh/httpd
if [ -x "$cache/root/usr/sbin/apache2" ]; then echo "$cache/root/usr/sbin/apache2"; exit 0; fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
	die "no Apache httpd found, and no apt-get to get one with: install Apache httpd with mod_ssl and mod_proxy, or set HTTPD_BIN"

say "no Apache httpd found, so downloading Debian's apache2-bin to $cache, once"
work=$cache/$$
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
trap 'rm -rf "$work"' EXIT
apt() {
	apt-get -qq -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o Dir::State::lists="$work/lists" \
		-o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" "$@" >&2
}
apt update || die "apt-get update fails: install apache2-bin, or set HTTPD_BIN"
apt install --download-only --no-install-recommends -y apache2-bin || die "apache2-bin can't be downloaded: install it, or set HTTPD_BIN"
for package in "$work"/archives/*.deb; do
	dpkg-deb -x "$package" "$work/root"
done
[ -x "$work/root/usr/sbin/apache2" ] || die "the packages hold no /usr/sbin/apache2"
rm -rf "$cache/root"
mv "$work/root" "$cache/root"
echo "$cache/root/usr/sbin/apache2"
