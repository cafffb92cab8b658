#!/bin/sh
# Prints the path of a Chromium to test the pages with, and nothing else, on standard output:
#   1. $CHROME_BIN, when set;
#   2. chromium, chromium-browser or google-chrome on the PATH;
#   3. Debian's package, which is installed where this runs as root, as on a bare CI machine: unpacked beside, as
#      debian.sh does it for smaller programs, a browser finds neither its fonts nor its sandbox.
# Everything meant for people goes to standard error.
set -eu

say() { echo "chromium.sh: $*" >&2; }
die() { say "$*"; exit 1; }
works() { "$1" --version >/dev/null 2>&1; }
found() { echo "$1"; exit 0; }

if [ -n "${CHROME_BIN:-}" ]; then
	case $CHROME_BIN in
	/*) ;;
	*) die "CHROME_BIN is a relative path; give it as an absolute one" ;;
	esac
	[ -x "$CHROME_BIN" ] || die "CHROME_BIN: $CHROME_BIN is not an executable file; unset CHROME_BIN to let me find a Chromium"
	works "$CHROME_BIN" || die "CHROME_BIN: '$CHROME_BIN --version' fails; is it a Chromium for this machine?"
	found "$CHROME_BIN"
fi

look() {
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		if installed=$(command -v "$name"); then
			works "$installed" && found "$installed"
			say "'$installed --version' fails; looking for another Chromium"
		fi
	done
}
look

install="install Chromium or Google Chrome (Debian: apt-get install chromium fonts-liberation), or set CHROME_BIN to one"
command -v apt-get >/dev/null || die "no Chromium found (CHROME_BIN unset, none on the PATH): $install"
[ "$(id -u)" -eq 0 ] || die "no Chromium found (CHROME_BIN unset, none on the PATH), and only root could install one: $install"

say "no Chromium found (CHROME_BIN unset, none on the PATH), so installing Debian's package"
export DEBIAN_FRONTEND=noninteractive
{ apt-get -qq update && apt-get -qq install --no-install-recommends -y chromium fonts-liberation; } >&2 ||
	die "Debian's package can't be installed, see above: $install"
look
die "Debian's package was installed, and there is still no Chromium that runs: set CHROME_BIN to one"
