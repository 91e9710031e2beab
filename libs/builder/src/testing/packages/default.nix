# Packages for tests, in nixpkgs' shape: a function of { system, config } to a lazy attribute set.
#
# Everything builds with the static busybox in ./busybox and nothing else, offline, sandboxed or not, and evaluates with
# only this folder allowed. No library: builtins are enough, and a test that fails should not have to be read twice.
{
  system ? builtins.currentSystem,
  config ? { },
  # Changes every package that says so below: a test that wants to see something built, builds it with a salt of its own.
  salt ? if builtins.pathExists ./salt then builtins.readFile ./salt else "",
  ...
}:

let
  # In a folder: busybox goes by the name it is called by, and a store path's begins with a hash.
  busybox = "${./busybox}/busybox";

  # Built here whatever it is built for, as packages that are only unpacked can be.
  derive =
    {
      pname,
      version ? "1.0",
      outputs ? [ "out" ],
      build,
      ...
    }@args:
    derivation (
      {
        name = "${pname}-${version}";
        inherit pname version outputs;
        system = builtins.currentSystem or system;
        target = system;
        builder = busybox;
        # There are none of these in any binary cache, and asking for them off the network takes seconds.
        allowSubstitutes = false;
        preferLocalBuild = true;
        # The last command is the shell's own: Nix may kill a builder whose last act was to exec a program.
        args = [
          "sh"
          "-euc"
          ''
            PATH=
            ${build}
            exit 0
          ''
        ];
      }
      // removeAttrs args [
        "build"
        "meta"
      ]
    );

  # The checks of nixpkgs' check-meta: facts in `meta`, and a throw that waits in drvPath and outPath.
  checkMeta =
    { pname, version, meta, ... }:
    let
      licenses = if builtins.isList (meta.license or [ ]) then meta.license or [ ] else [ meta.license ];
      unfree = builtins.any (license: !(license.free or true)) licenses;
      broken = meta.broken or false;
      insecure = (meta.knownVulnerabilities or [ ]) != [ ];
      unsupported = meta ? platforms && !(builtins.elem system meta.platforms);
      name = "${pname}-${version}";
      allowed = setting: variable: config.${setting} or false || builtins.getEnv variable == "1";
      refused =
        if unfree && !allowed "allowUnfree" "NIXPKGS_ALLOW_UNFREE" then
          "has an unfree license (‘${meta.license.shortName}’)"
        else if broken && !allowed "allowBroken" "NIXPKGS_ALLOW_BROKEN" then
          "is marked as broken"
        else if unsupported && !allowed "allowUnsupportedSystem" "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM" then
          "is not available on the requested hostPlatform"
        else if
          insecure
          && !builtins.elem name (config.permittedInsecurePackages or [ ])
          && !(config.allowInsecurePredicate or (_: false)) { inherit pname version; }
          && builtins.getEnv "NIXPKGS_ALLOW_INSECURE" != "1"
        then
          "is marked as insecure"
        else
          null;
    in
    {
      meta = meta // {
        inherit
          name
          unfree
          broken
          insecure
          unsupported
          ;
        available = refused == null;
      };
      guard = value: if refused == null then value else throw "Package ‘${name}’ ${refused}, refusing to evaluate.";
    };

  package =
    {
      pname,
      version ? "1.0",
      meta ? { },
      ...
    }@args:
    let
      drv = derive args;
      checked = checkMeta {
        inherit pname version;
        meta = {
          description = "Test package ${pname}";
          license = {
            spdxId = "MIT";
            shortName = "mit";
            fullName = "MIT License";
            free = true;
          };
        }
        // meta;
      };
      guarded =
        output:
        output
        // {
          inherit (checked) meta;
          drvPath = checked.guard output.drvPath;
          outPath = checked.guard output.outPath;
        };
      byName = builtins.listToAttrs (
        map (name: {
          inherit name;
          value = guarded drv.${name};
        }) drv.outputs
      );
    in
    guarded drv // byName;

  # A package that is only programs: shell scripts by name.
  scripts =
    {
      programs,
      ...
    }@args:
    package (
      removeAttrs args [ "programs" ]
      // {
        build = ''
          mkdir -p $out/bin
        ''
        + builtins.concatStringsSep "" (
          map (name: ''
            printf '%s\n' '#!${busybox} sh' ${quote programs.${name}} > $out/bin/${name}
            chmod +x $out/bin/${name}
          '') (builtins.attrNames programs)
        )
        + (args.build or "");
      }
    );

  quote = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";

  applets =
    pname: names:
    package {
      inherit pname;
      build = ''
        mkdir -p $out/bin
        for applet in ${toString names}; do ln -s ${busybox} $out/bin/$applet; done
      '';
    };

  # slow0 to slow240 sleep that many seconds.
  slow = builtins.listToAttrs (
    builtins.genList (seconds: rec {
      name = "slow${toString seconds}";
      value = package {
        pname = name;
        inherit salt;
        build = ''
          for second in $(seq ${toString seconds}); do echo "second $second of ${toString seconds}"; sleep 1; done
          mkdir -p $out/share
          echo "$salt" > $out/share/${name}
        '';
      };
    }) 241
  );

  # Sixty files, of the same names whatever it is called.
  collidingMany =
    name:
    package {
      pname = "colliding-many-${name}";
      build = ''
        mkdir -p $out/share/colliding-many
        for i in $(seq 60); do echo ${name} > $out/share/colliding-many/$i; done
      '';
    };

in
slow
// rec {
  # What every image gets, and `shell`.

  bashInteractive = scripts {
    pname = "bash-interactive";
    version = "5.2";
    programs = {
      bash = ''exec ${busybox} sh "$@"'';
      sh = ''exec ${busybox} sh "$@"'';
    };
    meta.mainProgram = "bash";
  };

  coreutils = applets "coreutils" [
    "cat"
    "chmod"
    "cp"
    "cut"
    "date"
    "echo"
    "env"
    "false"
    "head"
    "id"
    "ln"
    "ls"
    "mkdir"
    "mv"
    "pwd"
    "readlink"
    "rm"
    "sleep"
    "sort"
    "stat"
    "test"
    "touch"
    "true"
    "uname"
    "wc"
    "whoami"
  ];

  moreutils = scripts {
    pname = "moreutils";
    programs.sponge = ''content=$(cat; echo x) && printf %s "''${content%x}" > "$1"'';
  };

  nano = scripts {
    pname = "nano";
    programs.nano = "exec ${busybox} vi \"$@\"";
    meta.mainProgram = "nano";
  };

  cacert = package {
    pname = "cacert";
    build = ''
      mkdir -p $out/etc/ssl/certs $out/nix-support
      echo 'no certificate at all' > $out/etc/ssl/certs/ca-bundle.crt
      echo 'setup hook' > $out/nix-support/setup-hook
    '';
  };

  iana-etc = package {
    pname = "iana-etc";
    build = ''
      mkdir -p $out/etc
      echo 'http 80/tcp' > $out/etc/services
      echo 'tcp 6 TCP' > $out/etc/protocols
    '';
  };

  # Packages that build.

  hello = scripts {
    pname = "hello";
    version = "2.12";
    programs.hello = "echo 'Hello, world!'";
    meta = {
      mainProgram = "hello";
      description = "Says hello";
      license = {
        spdxId = "GPL-3.0-or-later";
        shortName = "gpl3Plus";
        free = true;
      };
    };
  };

  camelCase = scripts {
    pname = "camel-case";
    programs.camel-case = "echo camelCase";
  };

  caseClash = scripts {
    pname = "case-clash-upper";
    programs.case-clash = "echo caseClash";
  };

  caseclash = scripts {
    pname = "case-clash-lower";
    programs.case-clash = "echo caseclash";
  };

  _1digit = scripts {
    pname = "1digit";
    programs."1digit" = "echo 1";
    meta.mainProgram = "1digit";
  };

  nested = {
    recurseForDerivations = true;
    inner = {
      tool = scripts {
        pname = "nested-tool";
        programs.nested-tool = "echo nested.inner.tool";
      };
      camelTool = scripts {
        pname = "nested-camel-tool";
        programs.nested-camel-tool = "echo nested.inner.camelTool";
      };
    };
  };

  # A library that two packages share.
  sharedLibrary = package {
    pname = "shared-library";
    build = ''
      mkdir -p $out/lib
      echo shared > $out/lib/libshared.so.1
    '';
  };

  sharesA = scripts {
    pname = "shares-a";
    programs.shares-a = "cat ${sharedLibrary}/lib/libshared.so.1";
  };

  sharesB = scripts {
    pname = "shares-b";
    programs.shares-b = "cat ${sharedLibrary}/lib/libshared.so.1";
  };

  # The output that is installed by default is not called `out`.
  twoOutputs = package {
    pname = "two-outputs";
    outputs = [
      "bin"
      "out"
    ];
    build = ''
      mkdir -p $bin/bin $out/lib
      printf '%s\n' '#!${busybox} sh' "cat $out/lib/data" > $bin/bin/two-outputs
      chmod +x $bin/bin/two-outputs
      echo 'from the other output' > $out/lib/data
    '';
    meta.outputsToInstall = [ "bin" ];
  };

  # A closure of exactly 150 store paths: a heap of outputs, each of which refers to its two children.
  manyPaths = package {
    pname = "many-paths";
    outputs = [ "out" ] ++ builtins.genList (i: "p${toString (i + 1)}") 149;
    build = ''
      i=149
      while [ $i -ge 1 ]; do
        eval "path=\$p$i"
        mkdir $path
        echo "$i" > $path/number
        for child in $((2 * i)) $((2 * i + 1)); do
          if [ $child -le 149 ]; then eval "echo \$p$child" >> $path/children; fi
        done
        i=$((i - 1))
      done
      mkdir -p $out/share
      echo $p1 > $out/share/many-paths
    '';
  };

  # 50 MiB that compress to little more than half: the same on every machine.
  large = package {
    pname = "large";
    build = ''
      mkdir -p $out/share/large
      awk 'BEGIN { x = 1; while (i++ < 409600) { x = (x * 16807) % 2147483647; printf "%08x", x } }' > $out/share/large/0
      digits=0123456789abcdef
      for n in $(seq 15); do
        tr 0123456789abcdef ''${digits:$n}''${digits:0:$n} < $out/share/large/0 > $out/share/large/$n
      done
    '';
  };

  # Awkward trees.

  emptyDirs = package {
    pname = "empty-dirs";
    build = "mkdir -p $out/empty $out/var/lib/empty/nested";
  };

  unicodeNames = package {
    pname = "unicode-names";
    build = ''
      mkdir -p $out/share
      echo umlaut > $out/share/grüße
      echo snowman > $out/share/☃
      echo family > $out/share/👩‍👩‍👧
      echo composed > $out/share/$(printf '\303\251')
      echo decomposed > $out/share/$(printf 'e\314\201')
    '';
  };

  rawNames = package {
    pname = "raw-names";
    build = ''
      mkdir -p $out/share
      echo latin > $out/share/$(printf 'caf\351')
      echo newline > "$out/share/$(printf 'new\nline')"
      echo control > "$out/share/$(printf 'control\033[31m')"
      ln -s $(printf 'caf\351') $out/share/link
    '';
  };

  # One component of 255 bytes, and a path of more than 1,000.
  longNames = package {
    pname = "long-names";
    build = ''
      component=$(printf '%0255d' 7)
      mkdir -p $out/share/$component/$component/$component/$component
      echo deep > $out/share/$component/$component/$component/$component/$component
      ln -s $out/share/$component/$component/$component/$component/$component $out/share/link
    '';
  };

  symlinkLoops = package {
    pname = "symlink-loops";
    build = ''
      mkdir -p $out/share/loops/deep
      ln -s self $out/share/loops/self
      ln -s pong $out/share/loops/ping
      ln -s ping $out/share/loops/pong
      ln -s .. $out/share/loops/deep/up
      ln -s $out/share $out/share/loops/deep/top
      ln -s ../../../../.. $out/share/loops/deep/outside
      ln -s missing $out/share/loops/dangling
    '';
  };

  whiteout = package {
    pname = "whiteout";
    build = ''
      mkdir -p $out/share
      touch $out/share/.wh.foo
    '';
  };

  modes = package {
    pname = "modes";
    build = ''
      mkdir -p $out/share
      for mode in 000 400 644 755 100 011; do echo $mode > $out/share/$mode; chmod $mode $out/share/$mode; done
    '';
  };

  singleFile = package {
    pname = "single-file";
    build = "echo 'a file, not a folder' > $out";
  };

  linkedHello = package {
    pname = "linked-hello";
    build = "ln -s ${hello} $out";
  };

  collidingA = package {
    pname = "colliding-a";
    build = ''
      mkdir -p $out/share/colliding/only-a
      echo a > $out/share/colliding/file
      echo a > $out/share/colliding/only-a/file
    '';
  };

  collidingB = package {
    pname = "colliding-b";
    build = ''
      mkdir -p $out/share/colliding/only-b
      echo b > $out/share/colliding/file
      echo b > $out/share/colliding/only-b/file
    '';
  };

  collidingManyA = collidingMany "a";
  collidingManyB = collidingMany "b";

  # Brings what the image brings itself, and what no image should have.
  bringsEtc = package {
    pname = "brings-etc";
    build = ''
      mkdir -p $out/etc/profile.d $out/nix-support $out/tmp $out/usr/bin
      echo 'intruder:x:0:0::/:/bin/sh' > $out/etc/passwd
      echo 'export BRINGS_ETC=1' > $out/etc/profile.d/brings-etc.sh
      echo ${hello} > $out/nix-support/propagated-build-inputs
      echo tmp > $out/tmp/brought
      echo usr > $out/usr/bin/brought
    '';
  };

  # Packages that fail to build.

  failing = package {
    pname = "failing";
    build = ''
      for line in $(seq 100); do echo "failing line $line"; done
      exit 1
    '';
  };

  dependsOnFailing = package {
    pname = "depends-on-failing";
    build = "echo ${failing} > $out";
  };

  # What a mirror serves that is not what the package set names.
  otherBytes = package {
    pname = "other-bytes";
    build = "echo other >$out";
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = "0000000000000000000000000000000000000000000000000000000000000000";
  };

  failingNoisily = package {
    pname = "failing-noisily";
    build = ''
      printf '\033[1;31mred\033[0m\a\b\tand \000 a bell\r\n'
      printf '\033]0;title\007\033[2J\233[31m \377 not UTF-8\n'
      printf '%09999d' 0
      exit 1
    '';
  };

  failingLeaky = package {
    pname = "failing-leaky";
    build = ''
      echo 'unable to download https://ci:s3cret-pw@cache.example/x?access_token=s3cret-pw'
      echo '> Authorization: Bearer s3cret-pw'
      exit 1
    '';
  };

  failingHostile = package {
    pname = "failing-hostile";
    build = ''
      echo '<script>document.title = "taken"</script>'
      echo '<img src=x onerror="document.title = 1">'
      echo '</code></pre><style>*{display:none}</style>'
      exit 1
    '';
  };

  # Packages that are refused.

  unfree = scripts {
    pname = "unfree";
    programs.unfree = "echo unfree";
    meta.license = {
      spdxId = null;
      shortName = "unfree";
      fullName = "Unfree";
      free = false;
    };
  };

  broken = scripts {
    pname = "broken";
    programs.broken = "echo broken";
    meta.broken = true;
  };

  insecure = scripts {
    pname = "insecure";
    programs.insecure = "echo insecure";
    meta.knownVulnerabilities = [ "CVE-0000-0000" ];
  };

  unsupportedPlatform = scripts {
    pname = "unsupported-platform";
    programs.unsupported-platform = "echo unsupported";
    meta.platforms = [ "riscv64-none" ];
  };

  onlyAmd64 = scripts {
    pname = "only-amd64";
    programs.only-amd64 = "echo amd64";
    meta.platforms = [ "x86_64-linux" ];
  };

  # Neither is what a lower-case name says.
  mixedCase = scripts {
    pname = "mixed-case";
    programs.mixed-case = "echo mixed";
  };
  mixedcasE = mixedCase;

  renamed = throw "'renamed' has been renamed to/replaced by 'hello'";

  removed = throw "'removed' has been removed because it was never there";

  # Attributes that are no packages.

  aFunction = { argument }: argument;

  aString = "not a derivation";

  aNumber = 7;

  aList = [ hello ];

  aNull = null;

  aborting = abort "tests abort";

  infiniteRecursion = infiniteRecursion.more;

  failsAssertion =
    assert 1 == 2;
    hello;

  # What an evaluation of a stranger's code might try.

  readsEnvironment = package {
    pname = "reads-environment";
    build = "echo '${builtins.getEnv "SECRET"}' > $out";
  };

  readsHost = package {
    pname = "reads-host";
    build = "echo '${builtins.hashFile "sha256" "/etc/passwd"}' > $out";
  };

  importsFromDerivation = package {
    pname = builtins.readFile (derive {
      pname = "imported";
      inherit salt;
      build = "printf imports-from-derivation > $out";
    });
    build = "echo imported > $out";
  };
}
