# A system that packages are installed on: callers of PAM, people's side of ssh, and what tells the order of changes.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    busybox ca-certificates inotify-tools openssh-client openssh-server procps rpm sudo systemd-standalone-tmpfiles \
 && rm -rf /etc/ssh/ssh_host_* /var/lib/apt/lists/*
