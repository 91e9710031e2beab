# Makes the package: a program that starts the server, and what Nix is to know of the store that it comes in. Variables:
# bashInteractive, cacert, coreutils, git, nix, server, start, out; and the files of exportReferencesGraph.
PATH=$coreutils/bin
mkdir -p "$out/bin" "$out/share/nixery"
cat bash cacert coreutils git nix server >"$out/share/nixery/registration"
{
  echo "#!$bashInteractive/bin/bash"
  echo "registration=$out/share/nixery/registration server=$server"
  echo "export PATH=$nix/bin:$git/bin:$coreutils/bin:\$PATH"
  cat "$start"
} >"$out/bin/nixery"
chmod +x "$out/bin/nixery"
