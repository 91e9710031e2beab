# A package set in nixpkgs' shape whose packages are Debian's. `system` is the target; building only unpacks and
# patches, so every derivation runs on the evaluating machine's system. The index beside this file is generated.
{
  system ? builtins.currentSystem,
  config ? { },
  ...
}:
let
  inherit (builtins) concatMap concatStringsSep elem fromJSON listToAttrs mapAttrs readFile replaceStrings;

  bootstrap = fromJSON (readFile ./bootstrap.json);
  index =
    if elem system bootstrap.targets then
      fromJSON (readFile (./. + "/${system}.json"))
    else
      throw "The offline package set has no packages for ‘${system}’; it has ${concatStringsSep ", " bootstrap.targets}.";

  file = path: builtins.path { path = ./. + "/${path}"; name = baseNameOf path; };
  busybox = file "busybox";

  # Names of store paths may not hold what Debian versions may: https://nixos.org/manual/nix/stable/store/store-path
  storeName = replaceStrings [ "~" ":" "%" ] [ "-" "-" "-" ];

  # A builder that needs nothing but busybox. No binary cache has these, so none is asked: the network may be closed.
  run =
    arguments:
    derivation (
      arguments
      // {
        system =
          if builtins.currentSystem == bootstrap.system then
            bootstrap.system
          else
            throw "This offline package set was made on ${bootstrap.system}; make it again on ${builtins.currentSystem}.";
        builder = "${busybox}/sh";
        args = [ "-e" (file arguments.script) ];
        allowSubstitutes = false;
        preferLocalBuild = true;
      }
    );

  fetch =
    { name, version, url, sha256 }:
    derivation {
      name = storeName "${name}-${version}.deb";
      system = "builtin";
      builder = "builtin:fetchurl";
      inherit url;
      urls = [ url ];
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = sha256;
      executable = false;
      unpack = false;
      allowSubstitutes = false;
      preferLocalBuild = true;
    };

  tools = run {
    name = "patchelf-tools";
    script = "unit.sh";
    debs = map fetch bootstrap.debs;
    names = map (deb: deb.name) bootstrap.debs;
    depends = [ ];
    fallbacks = [ ];
    tools = "";
  };

  units = mapAttrs (
    name: unit:
    run {
      name = storeName "${name}-${unit.version}";
      script = "unit.sh";
      debs = map fetch unit.debs;
      names = map (deb: deb.name) unit.debs;
      depends = map (dependency: units.${dependency}) unit.depends;
      fallbacks = map (interpreter: units.${interpreter}) unit.fallbacks;
      inherit (index) loader;
      inherit tools;
      toolsLoader = bootstrap.loader;
      toolsTriplet = bootstrap.triplet;
    }
  ) index.units;

  locale =
    unit:
    run {
      name = storeName "C.UTF-8-${index.units.${unit}.version}";
      script = "locale.sh";
      debs = map fetch index.units.${unit}.debs;
    };

  lines = concatStringsSep "\n";
  pairs = attributes: lines (map (name: "${name}\t${attributes.${name}}") (builtins.attrNames attributes));
  filePairs = files: pairs (mapAttrs (_: source: file "files/${source}") files);

  environment =
    name: entry:
    let
      closure = map (unit: units.${unit}) entry.closure;
      common = file "common.sh";
    in
    run {
      name = storeName name;
      script = "environment.sh";
      inherit closure common;
      inherit (entry) programs;
      main = concatMap (deb: [ units.${deb.unit} deb.name ]) entry.debs;
      path = map (unit: units.${unit}) entry.path;
      links = pairs entry.links;
      unions = pairs entry.unions;
      files = filePairs entry.files;
      environment = pairs entry.environment;
      arguments = lines entry.arguments;
      locale = if entry.locale == "" then "" else locale entry.locale;
      shell = units.dash;
      tree =
        if entry.tree == { } then
          ""
        else
          run {
            name = storeName "${name}-tree";
            script = "tree.sh";
            inherit closure common;
            unions = pairs entry.tree;
            files = filePairs entry.treeFiles;
          };
    };

  scripted =
    name: entry:
    run {
      name = storeName name;
      inherit (entry) script;
      debs = concatMap (deb: map fetch index.units.${deb.unit}.debs) entry.debs;
    };

  checked = import ./meta.nix { inherit system config; };

  package =
    entry:
    let
      inherit (checked entry) check meta name;
      built = if entry ? script then scripted name entry else environment name entry;
      result = {
        type = "derivation";
        inherit name meta system;
        inherit (entry) pname version;
        outputName = "out";
        outputs = [ "out" ];
        all = [ result ];
        out = result;
        drvPath = check built.drvPath;
        outPath = check built.outPath;
      };
    in
    result;

  # The index holds attributes as a tree: sets of sets, and leaves that are packages or names that moved.
  attributes =
    tree:
    listToAttrs (
      map (
        { name, kind, value }:
        {
          inherit name;
          value =
            if kind == "set" then
              attributes value // { recurseForDerivations = true; }
            else if kind == "renamed" then
              throw "'${value.from}' has been renamed to/replaced by '${value.to}'"
            else
              package value;
        }
      ) tree
    );
in
attributes index.attributes
