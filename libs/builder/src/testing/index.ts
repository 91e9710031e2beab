export { prepareTestPackages, type TestPackageOptions } from './packages.ts';
export {
  createPrivateStore,
  removeReadOnlyTree,
  type NixOutput,
  type PrivateStore,
} from './private-store.ts';
