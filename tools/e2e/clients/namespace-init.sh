# Process 1 of a client's namespaces (bash: it reaps orphans even while it waits for input). The kernel ends every process of a
# PID namespace with its process 1, and unmounts a mount namespace with its last process.
set -eu

# The host's /proc is still mounted here: it knows this process by the number that nsenter needs.
read -r pid _ </proc/self/stat

mount -t proc proc /proc
# Where container clients keep state whatever their options say: sockets of shims, locks, network and blob caches.
for folder in /run /var/lib /dev/shm /etc/cni/net.d; do
  if [ -d "$folder" ]; then mount -t tmpfs tmpfs "$folder"; fi
done
echo "$pid"

# The input ends when the test closes it, or dies.
while read -r _; do :; done
