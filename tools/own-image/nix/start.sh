# Starts the registry in a container that has nothing but this image.
set -euo pipefail

# Builders may not have what Nix's sandbox and its build users take, and root is nobody outside of the container.
if [ -z "${NIX_CONFIG+set}" ]; then
  NIX_CONFIG=$'build-users-group =\nsandbox = false'
  export NIX_CONFIG
fi

# The image has store paths and no database of them. Nix removes a path that it does not know before it builds it: the
# server's own libraries, if an image were to hold them as well.
if ! nix-store --check-validity "$server" 2>/dev/null; then
  nix-store --register-validity <"$registration"
fi

export STORAGE_PATH=${STORAGE_PATH-/var/lib/nixery/storage}
export NIXERY_STATE_DIR=${NIXERY_STATE_DIR-/var/lib/nixery/state}
mkdir -p /var/lib/nixery
exec "$server/bin/node" "$server/apps/registry/dist/main.js" "$@"
