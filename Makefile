# Targets: build, test, test-vm, bench, demo, install, uninstall, clean, and of packages deb, rpm, dist, test-packages. `install` and
# `uninstall` know DESTDIR.

DESTDIR =
PREFIX = /usr
SYSCONFDIR = /etc
MANDIR = $(PREFIX)/share/man
# Where this system's libpam looks for modules: beside the pam_unix that is of the same architecture as /bin/sh (class, byte
# order and machine in the head of an ELF file), since a system may have libraries of several.
FOLDERS = /usr/lib/*/security /usr/lib64/security /usr/lib/security /lib/*/security
machine = $(shell for at in 4 5 18 19; do od -An -tx1 -j $$at -N 1 $(1); done)
is_own = $(if $(subst $(machine_of_sh),,$(call machine,$(1))),,$(1))
machine_of_sh := $(call machine,/bin/sh)
PAMDIR = $(patsubst %/,%,$(dir $(firstword $(foreach file,$(wildcard $(addsuffix /pam_unix.so,$(FOLDERS))),$(call is_own,$(file))))))
# Where libpam looks for stacks.
STACKS = $(addprefix $(DESTDIR),$(SYSCONFDIR)/pam.d /usr/lib/pam.d /usr/etc/pam.d)

TARGET = $(or $(CARGO_TARGET_DIR),target)
MODULE = $(TARGET)/release/libpam_countersign.so
COMMAND = $(TARGET)/release/countersign
BROKER = $(TARGET)/release/countersignd
SIMULATOR_PAGE = packaging/man/countersign-simulator.1
PAGES = $(filter-out $(SIMULATOR_PAGE),$(wildcard packaging/man/*.[0-9]))
SCRIPTS = $(TARGET)/release/completions
# Where shells look for completions of packages. Debian's zsh has a folder of its own.
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/$(if $(wildcard /etc/debian_version),vendor-completions,site-functions)
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

SIMULATOR = $(TARGET)/release/simulator

.PHONY: all build test test-vm test-packages bench demo deb rpm dist install install-module install-selinux install-simulator uninstall clean

all: build

build:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.89 or later from https://rustup.rs, or put it on PATH" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "cc, a C compiler, is missing, with which Rust links: apt install gcc libc6-dev libpam0g-dev" >&2; exit 1; }
	cargo build --release
	mkdir -p $(SCRIPTS)
	for shell in bash zsh fish; do $(COMMAND) completions $$shell >$(SCRIPTS)/$$shell || exit; done

test:
	tests/docker/needs
	tests/run

# Builds the packages, and tries them in clean containers.
test-packages:
	tests/packages/run

# Virtual machines: takes half an hour where the processor is emulated, and is no part of `test`.
test-vm:
	tests/vm/run

bench:
	tests/bench/run

demo:
	tests/demo/run

# What follows makes packages that run with glibc 2.28 and later, in target/dist, for this machine or for TRIPLE.
deb:
	packaging/release/build
	packaging/release/deb

rpm:
	packaging/release/build
	packaging/release/rpm

# Everything that a release has.
dist:
	packaging/release/dist

# Builds nothing: `make && sudo make install` leaves no files of root in the tree.
install: install-module install-selinux

install-module:
	$(if $(PAMDIR),,$(error no pam_unix.so in $(FOLDERS): say PAMDIR=...))
	@for file in $(MODULE) $(COMMAND) $(BROKER) $(SCRIPTS)/bash; do \
	  test -e $$file || { echo "$$file is missing: run \`make\` first, as an ordinary user" >&2; exit 1; }; \
	done
	install -D -m 0644 $(MODULE) $(DESTDIR)$(PAMDIR)/.pam_countersign.so.new
	mv -f $(DESTDIR)$(PAMDIR)/.pam_countersign.so.new $(DESTDIR)$(PAMDIR)/pam_countersign.so
	install -D -m 0755 $(COMMAND) $(DESTDIR)$(PREFIX)/sbin/countersign
	install -D -m 0755 $(BROKER) $(DESTDIR)$(PREFIX)/sbin/countersignd
	test -e $(DESTDIR)$(SYSCONFDIR)/countersign/countersign.toml \
	  || install -D -m 0644 conf/countersign.toml $(DESTDIR)$(SYSCONFDIR)/countersign/countersign.toml
	install -D -m 0644 packaging/tmpfiles.d/countersign.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/countersign.conf
	for file in $(wildcard packaging/sysusers.d/*); do \
	  install -D -m 0644 $$file $(DESTDIR)$(PREFIX)/lib/sysusers.d/$${file##*/} || exit; \
	done
	for file in $(wildcard packaging/systemd/*); do \
	  install -D -m 0644 $$file $(DESTDIR)$(PREFIX)/lib/systemd/system/$${file##*/} || exit; \
	done
	[ -n "$(DESTDIR)" ] || ! command -v systemd-tmpfiles >/dev/null || systemd-tmpfiles --create countersign.conf
	for page in $(PAGES); do \
	  install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	install -D -m 0644 $(SCRIPTS)/bash $(DESTDIR)$(BASHDIR)/countersign
	install -D -m 0644 $(SCRIPTS)/zsh $(DESTDIR)$(ZSHDIR)/_countersign
	install -D -m 0644 $(SCRIPTS)/fish $(DESTDIR)$(FISHDIR)/countersign.fish

install-selinux:
	install -D -m 0644 packaging/selinux/countersign.cil $(DESTDIR)$(PREFIX)/share/countersign/selinux/countersign.cil

# The simulated tenant, for a package of its own. `cargo build --release -p simulator` builds it.
install-simulator:
	install -D -m 0755 $(SIMULATOR) $(DESTDIR)$(PREFIX)/bin/countersign-simulator
	install -D -m 0644 $(SIMULATOR_PAGE) $(DESTDIR)$(MANDIR)/man1/countersign-simulator.1

# The configuration stays: a stack that still names the module must go on to fail closed.
uninstall:
	@named=$$(grep -ls '^[^#]*pam_countersign' $(addsuffix /*,$(STACKS)) /dev/null); [ -z "$$named" ] || { \
	  echo "these stacks name the module, and would refuse every user without it:" $$named >&2; \
	  echo "run \`countersign unsetup\` first, and take out by hand what it leaves" >&2; exit 1; }
	rm -f $(DESTDIR)$(PAMDIR)/pam_countersign.so $(DESTDIR)$(PREFIX)/sbin/countersign $(DESTDIR)$(PREFIX)/sbin/countersignd
	rm -f $(DESTDIR)$(BASHDIR)/countersign $(DESTDIR)$(ZSHDIR)/_countersign $(DESTDIR)$(FISHDIR)/countersign.fish
	for file in $(notdir $(wildcard packaging/systemd/*)); do rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/$$file; done
	for file in $(notdir $(wildcard packaging/sysusers.d/*)); do rm -f $(DESTDIR)$(PREFIX)/lib/sysusers.d/$$file; done
	rm -f $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/countersign.conf $(DESTDIR)$(PREFIX)/share/countersign/selinux/countersign.cil
	-rmdir $(DESTDIR)$(PREFIX)/share/countersign/selinux $(DESTDIR)$(PREFIX)/share/countersign 2>/dev/null
	for page in $(PAGES) $(SIMULATOR_PAGE); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	rm -f $(DESTDIR)$(PREFIX)/bin/countersign-simulator

clean:
	cargo clean
	tests/docker/clean
