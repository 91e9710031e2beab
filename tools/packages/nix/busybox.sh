# busybox and a link for each of its programs. Linked statically, it needs nothing else; the list is the builder's own,
# which is the same version.
for deb in $debs; do ar p "$deb" data.tar.xz | xzcat | tar -xo --no-same-permissions; done
mkdir -p "$out/bin"
cp bin/busybox "$out/bin/" || cp usr/bin/busybox "$out/bin/"
busybox --list | while read -r applet; do [ -e "$out/bin/$applet" ] || ln -s busybox "$out/bin/$applet"; done
true
