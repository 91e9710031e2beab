# The locale C.UTF-8, where the C library looks for it. Alone: the package that it comes in has shell scripts, and so a shell.
for deb in $debs; do ar p "$deb" data.tar.xz | xzcat | tar -xo --no-same-permissions; done
mkdir -p "$out/usr/lib/locale"
cp -R usr/lib/locale/C.utf8 "$out/usr/lib/locale/"
true
