# All certificates that Mozilla trusts in one file, as nixpkgs' cacert has it.
for deb in $debs; do ar p "$deb" data.tar.xz | xzcat | tar -xo --no-same-permissions; done
mkdir -p "$out/etc/ssl/certs"
find usr/share/ca-certificates/mozilla -name '*.crt' | sort | while read -r certificate; do
  basename "$certificate" .crt
  cat "$certificate"
  echo
done >"$out/etc/ssl/certs/ca-bundle.crt"
true
