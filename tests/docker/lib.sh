# shellcheck shell=bash
# What the scripts that need packages, an engine or an image share. To be sourced, from the top of the tree.

say() { printf '%s\n' "countersign: $*" >&2; }

die() {
  say "$*"
  exit 1
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo: $*"
  fi
}

# --- packages ---

has_package() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# install_missing WHY PACKAGE...: says which of the packages are missing and why they are needed, then installs them.
install_missing() {
  local why=$1 package missing=()
  shift
  for package in "$@"; do
    has_package "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  command -v apt-get >/dev/null || die "$why: install these, no apt-get here: ${missing[*]}"
  say "installing ${missing[*]} ($why)"
  # Where the lists are old or absent the first attempt fails; what it says would only mislead.
  apt_install "${missing[@]}" 2>/dev/null || { as_root apt-get update -qq && apt_install "${missing[@]}"; } \
    || die "apt-get could not install ${missing[*]} ($why)"
}

# A reader of a failure sees what dpkg says of each package.
apt_install() {
  local said
  said=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" 2>&1) \
    || { printf '%s\n' "$said" >&2; return 1; }
}

# --- engine ---

docker=(docker)

# Sets `docker` to the command that reaches an engine.
engine_answers() {
  command -v docker >/dev/null || return 1
  docker=(docker)
  docker info >/dev/null 2>&1 && return
  [[ $(id -u) -ne 0 ]] && command -v sudo >/dev/null || return 1
  docker=(sudo docker)
  sudo docker info >/dev/null 2>&1
}

# Makes sure that an engine answers: the one that runs, else Debian's, installed and started.
engine() {
  engine_answers && return
  command -v dockerd >/dev/null || install_missing "containers with a real sshd and sudo" docker.io iptables ca-certificates apparmor
  engine_answers || start_engine
}

start_engine() {
  # In a folder where only root can have put a link.
  local log=/var/log/countersign-dockerd.log
  [[ ! -d /run/systemd/system ]] || log='journalctl -u docker'
  say "starting the Docker engine (its output: $log); it goes on running"
  if [[ -d /run/systemd/system ]]; then
    as_root systemctl start docker
  else
    as_root sh -c "setsid dockerd >$log 2>&1 </dev/null &"
  fi
  for _ in {1..60}; do
    engine_answers && return
    sleep 0.5
  done
  die "no Docker engine answers, and dockerd did not start: see $log"
}

# --- images ---

label=countersign.tests=1

# A name for what all the arguments and standard input make.
recipe() { { printf '%s\n' "$@"; cat; } | sha256sum | cut -c 1-12; }

has_image() { "${docker[@]}" image inspect "$1" >/dev/null 2>&1; }

# Prints the image with this host's distribution release, so that what is built here finds the C library it was built for.
base_image() {
  local ID='' VERSION_CODENAME='' pulled bootstrapped
  # shellcheck source=/dev/null
  . /etc/os-release
  case $ID in
    debian) pulled=debian:$VERSION_CODENAME-slim ;;
    ubuntu) pulled=ubuntu:$VERSION_CODENAME ;;
    *) pulled=${COUNTERSIGN_TEST_BASE:?"this is $ID, and the containers follow Debian or Ubuntu: name an image like this host"} ;;
  esac
  pulled=${COUNTERSIGN_TEST_BASE:-$pulled}
  bootstrapped=countersign-base:$VERSION_CODENAME-$(dpkg --print-architecture)
  if has_image "$pulled"; then
    printf '%s\n' "$pulled"
  elif has_image "$bootstrapped"; then
    printf '%s\n' "$bootstrapped"
  elif pull "$pulled"; then
    printf '%s\n' "$pulled"
  else
    bootstrap "$VERSION_CODENAME" "$bootstrapped" || die "no registry answers, and $VERSION_CODENAME could not be bootstrapped"
    printf '%s\n' "$bootstrapped"
  fi
}

pull() {
  say "pulling $1"
  timeout 180 "${docker[@]}" pull --quiet "$1" >/dev/null 2>&1
}

# Makes an image of the distribution's own packages: for where there is no registry.
bootstrap() {
  local codename=$1 image=$2
  say "no registry answers: bootstrapping $codename"
  install_missing "a base image where no registry answers" mmdebstrap
  # A mirror of sid that stands still is good enough to test on.
  local options=()
  [[ $codename != sid ]] || options=(--aptopt='Acquire::Check-Valid-Until "false"')
  as_root mmdebstrap --quiet --variant=minbase "${options[@]}" "$codename" - \
    | "${docker[@]}" import --change "LABEL $label" - "$image" >/dev/null
}

# Prints the image that the tests and the demonstration run in; builds it where it is missing or its recipe changed.
test_image() {
  local base image
  base=$(base_image)
  image=countersign-test:$(recipe "$("${docker[@]}" image inspect --format '{{.Id}}' "$base")" <tests/docker/Dockerfile)
  has_image "$image" || build_image "$base" "$image" tests/docker/Dockerfile
  printf '%s\n' "$image"
}

# build_image BASE IMAGE DOCKERFILE
build_image() {
  local base=$1 image=$2 output
  say "building $image from $base"
  output=$("${docker[@]}" build --label "$label" --tag "$image" --build-arg "BASE=$base" \
    ${http_proxy:+--build-arg http_proxy} ${https_proxy:+--build-arg https_proxy} \
    - <"$3" 2>&1) || die "the image could not be built: $output"
}

remove_images() {
  engine_answers || return 0
  "${docker[@]}" images --quiet --filter "label=$label" | sort -u | xargs -r "${docker[@]}" rmi --force >/dev/null
}

# Prints the image of a Debian as it is; pulls or bootstraps it where it is missing.
base_of() {
  local pulled=debian:$1-slim bootstrapped
  bootstrapped=countersign-base:$1-$(dpkg --print-architecture)
  if has_image "$bootstrapped"; then
    printf '%s\n' "$bootstrapped"
  elif has_image "$pulled" || pull "$pulled"; then
    printf '%s\n' "$pulled"
  else
    bootstrap "$1" "$bootstrapped" && printf '%s\n' "$bootstrapped"
  fi
}
