#!/bin/sh
# Makes sure that the Debian packages of a task are there: installs what is missing
# as root, else prints the one line that does.
#
# usage: packages.sh PACKAGE ...
set -eu
missing=
for package in "$@"; do
    # a package may be there for several architectures
    status=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | sort -u)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Packages are missing. Run this, then try again:" >&2
    echo "    sudo apt-get install --no-install-recommends -y$missing" >&2
    exit 1
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
# The packaged nginx must not start a server of its own: policy-rc.d forbids it for
# the time of the installation, where nobody else has set a policy.
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
# shellcheck disable=SC2086 # a list of words
apt-get -o DPkg::Lock::Timeout=300 install --no-install-recommends -y -qq $missing >&2
