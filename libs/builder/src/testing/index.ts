export { createCountedNix, type CountedNix } from './counted-nix.ts';
export { inspectServer, type ServerInspection } from './inspect-server.ts';
export { writeManyPackages } from './many-packages.ts';
export { nixEnvironment } from './nix-environment.ts';
export { createPackageRepository, type PackageRepository } from './package-repository.ts';
export { prepareTestPackages, type TestPackageOptions } from './packages.ts';
export {
  createPrivateStore,
  removeReadOnlyTree,
  type NixOutput,
  type PrivateStore,
} from './private-store.ts';
export { writeOciLayout } from './oci-layout.ts';
export { snapshot } from './snapshot.ts';
export { readTar, type TarMember } from './tar-reader.ts';
