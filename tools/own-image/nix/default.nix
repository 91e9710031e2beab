# The offline package set, and in it `nixery`: this registry, as a program that images may hold.
{
  system ? builtins.currentSystem,
  ...
}@arguments:
let
  packages = import ./packages arguments;
  inherit (packages) bashInteractive cacert coreutils git nix nodejs patchelf;

  file = name: builtins.path { path = ./. + "/${name}"; inherit name; };

  run =
    attributes:
    derivation (
      attributes
      // {
        inherit bashInteractive coreutils;
        system = builtins.currentSystem;
        builder = "${bashInteractive}/bin/bash";
        allowSubstitutes = false;
        preferLocalBuild = true;
      }
    );

  # The release is a folder: `release` is its copy in the store.
  server = run {
    name = "nixery-server";
    args = [ "-euo" "pipefail" (file "server.sh") ];
    release = file "release";
    inherit nodejs patchelf;
  };

  built = run {
    name = "nixery-${version}";
    args = [ "-euo" "pipefail" (file "nixery.sh") ];
    start = file "start.sh";
    inherit cacert git nix server;
    # What Nix is told of this image's store: paths with their references.
    # https://nix.dev/manual/nix/latest/language/advanced-attributes#adv-attr-exportReferencesGraph
    exportReferencesGraph = [
      "bash" bashInteractive
      "cacert" cacert
      "coreutils" coreutils
      "git" git
      "nix" nix
      "server" server
    ];
  };

  inherit (builtins.fromJSON (builtins.readFile ./release/apps/registry/package.json)) description version;

  nixery =
    if system != builtins.currentSystem then
      throw "nixery holds the programs of the machine that it was built on, ‘${builtins.currentSystem}’; it cannot be had for ‘${system}’."
    else
      {
        type = "derivation";
        name = "nixery-${version}";
        pname = "nixery";
        inherit system version;
        outputName = "out";
        outputs = [ "out" ];
        all = [ nixery ];
        out = nixery;
        inherit (built) drvPath outPath;
        meta = {
          inherit description;
          mainProgram = "nixery";
          license = {
            spdxId = "Apache-2.0";
            free = true;
          };
          available = true;
        };
      };
in
packages // { inherit nixery; }
