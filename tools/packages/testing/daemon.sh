# A Nix of their own for the namespaces that it runs in, set up as Debian's nix-setup-systemd does it: groups, build users,
# nix.conf, folders. $1: a folder that others may enter. The host's /etc and /nix stay as they are.
set -eu

mkdir /run/etc /run/etc-work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work overlay /etc
groupadd --force --system nix-users
groupadd --force --system nixbld
for n in 1 2 3 4 5 6 7 8 9 10; do
  id "nixbld$n" >/dev/null 2>&1 || useradd --system --home-dir /var/empty --gid nixbld --groups nixbld --no-user-group \
    --shell /usr/sbin/nologin "nixbld$n"
done
useradd --system --create-home --home-dir /run/nix-client --groups nix-users nix-client
mkdir -p /etc/nix
echo 'sandbox = false' >/etc/nix/nix.conf

mkdir "$1/nix"
mount --bind "$1/nix" /nix
mkdir -p /nix/store /nix/var/nix/gcroots /nix/var/nix/profiles
mkdir -m 1777 /nix/var/nix/gcroots/per-user /nix/var/nix/profiles/per-user
mkdir -m 770 /nix/var/nix/daemon-socket
chgrp nix-users /nix/var/nix/daemon-socket
chmod 1777 "$1/tmp"
