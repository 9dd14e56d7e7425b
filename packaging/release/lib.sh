# shellcheck shell=bash
# What the scripts that build packages share. To be sourced, from the top of the tree.
# shellcheck disable=SC2034 # read by the scripts that source this

. tests/docker/lib.sh

# The oldest C library that the packages run with: that of RHEL 8 and Debian 10.
glibc=2.28
target=${CARGO_TARGET_DIR:-target}
# Where the packages are put.
dist=${DIST:-$target/dist}

version=$(sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# The number of the packaging of this version.
revision=${REVISION:-1}

# The day of this version in CHANGELOG.md is the time of everything that is made of it, so that the same source gives the
# same bytes on any day. A version without a day is not released yet, and has the day of the one before.
released=$(sed -n 's/^## [0-9][0-9.]* (\([0-9-]*\))$/\1/p' CHANGELOG.md | head -n 1)
SOURCE_DATE_EPOCH=$(date --utc --date "$released" +%s)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC

# The machine that is built for: that of the compiler, or what TRIPLE says.
triple=${TRIPLE:-$(rustc -vV | sed -n 's/^host: //p')}
# What packaging/release/build makes, and packages are made of.
built=${BUILT:-$target/portable/$triple}

# Prints the distributions' name of the architecture: architecture deb, architecture rpm.
architecture() {
  local machine=${triple%%-*}
  case $1-$machine in
    deb-x86_64) echo amd64 ;;
    deb-aarch64) echo arm64 ;;
    deb-*) die "Debian's name for $machine is not known here: packaging/release/lib.sh" ;;
    *) echo "$machine" ;;
  esac
}

# Gives every file below a folder the time of the release.
set_times() { find "$1" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +; }

# documents FOLDER: what an administrator reads beside the manual pages, and what the licences of others ask to be with it.
documents() {
  install -d "$1/examples"
  install -m 0644 README.md SECURITY.md "$1"
  cp -r --no-preserve=mode conf/pam.d conf/sshd_config.d conf/polkit-agent-helper@.service.d "$1/examples"
  notices "$1" pam_countersign
}

# notices FOLDER NAME: the licences and the bill of materials of what is linked into a package.
notices() {
  install -m 0644 "$built/$2.notices" "$1/THIRD-PARTY-NOTICES"
  install -m 0644 "$built/$2.cdx.json" "$1/sbom.cdx.json"
}
