# A Debian server as a cloud would hand it over: systemd, sshd, Python for Ansible, sudo; no Docker yet.
ARG BASE
FROM ${BASE}
# The engine outside sets up the network: networkd would wait two minutes for one of its own. The timers of apt would
# hold its lock while the playbook installs packages.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates curl dbus iproute2 iptables openssh-server procps python3 python3-apt sudo systemd systemd-sysv \
 && apt-get clean \
 && rm -f /etc/ssh/ssh_host_* /etc/machine-id \
 && systemctl disable ssh.socket \
 && systemctl mask systemd-networkd.service systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
 && install -d /etc/systemd/system/ssh.service.d \
 && printf '[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n' \
      > /etc/systemd/system/ssh.service.d/own-host-keys.conf \
 && useradd --create-home --shell /bin/bash wkms \
 && echo 'wkms ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/wkms \
 && install -d -m 0700 -o wkms -g wkms /home/wkms/.ssh
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
