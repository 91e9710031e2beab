# What nixpkgs calls check-meta: facts about a package, and why it is refused, if it is.
{ system, config }:
entry:
let
  inherit (builtins) concatStringsSep elem isList;
  name = "${entry.pname}-${entry.version}";
  unfree = entry.unfree or false;
  broken = entry.broken or false;
  insecure = (entry.knownVulnerabilities or [ ]) != [ ];
  platforms = entry.platforms;
  unsupported = !(elem system platforms);

  license = entry.meta.license;
  licenseNames = map ({ spdxId, ... }: spdxId) (if isList license then license else [ license ]);

  facts = {
    inherit name;
    inherit (entry) pname version meta;
  };
  allowUnfree = config.allowUnfree or false || (config.allowUnfreePredicate or (_: false)) facts;
  allowInsecure =
    elem name (config.permittedInsecurePackages or [ ])
    || (config.allowInsecurePredicate or (_: false)) facts;

  refusal =
    if unfree && !allowUnfree then
      "has an unfree license (‘${concatStringsSep ", " licenseNames}’); config.allowUnfree allows it"
    else if broken && !(config.allowBroken or false) then
      "is marked as broken; config.allowBroken allows it"
    else if unsupported && !(config.allowUnsupportedSystem or false) then
      "is not available on ‘${system}’, only on ${concatStringsSep ", " platforms}; config.allowUnsupportedSystem allows it"
    else if insecure && !allowInsecure then
      "is marked as insecure (${concatStringsSep "; " entry.knownVulnerabilities}); config.permittedInsecurePackages allows it"
    else
      null;
in
{
  inherit name;
  meta = entry.meta // {
    inherit name platforms unfree broken insecure unsupported;
    knownVulnerabilities = entry.knownVulnerabilities or [ ];
    available = refusal == null;
  };
  # Throws where nixpkgs would; else gives back its argument.
  check =
    value:
    if refusal == null then value else throw "Package ‘${name}’ ${refusal}, refusing to evaluate.";
}
