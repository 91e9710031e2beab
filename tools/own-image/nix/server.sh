# Puts the release into the store, and has its Node find loader and libraries there. Variables: release, nodejs, patchelf,
# coreutils, out. Debian's nodejs is there for the libraries that it refers to: a C++ program needs the same.
PATH=$coreutils/bin:$patchelf/bin
cp -R "$release" "$out"
chmod -R u+w "$out"

libraries=
loader=
while read -r unit; do
  for file in "$unit"/usr/lib/*-linux-gnu/{libc.so.6,libstdc++.so.6,libgcc_s.so.1}; do
    [ ! -e "$file" ] || libraries=$libraries:${file%/*}
  done
  for file in "$unit"/usr/lib/*-linux-gnu/ld-linux-*.so.*; do [ ! -e "$file" ] || loader=$file; done
done <"$nodejs/nix-support/debian-depends"

patchelf --set-interpreter "$loader" --set-rpath "${libraries#:}" "$out/bin/node"
"$out/bin/node" --version
