export type {
  AdministrationCalls,
  Change,
  Credentials,
  GrantSummary,
  IssuedToken,
  MachineKeySummary,
  Move,
  NewToken,
  NewUser,
  ReaderSummary,
  RemovalOptions,
  Revoking,
  RoleSummary,
  RotatedKey,
  SavedPlace,
  TokenSummary,
  UserSummary,
} from './administration.js';
export { ClusterManager, type ManagerDependencies } from './cluster-manager.js';
export type { Clock } from './clock.js';
export { parseManagerConfig, type ListenAddress, type ManagerConfig } from './config.js';
export type { NewGrant } from './grant-record.js';
export type { MachineKey, MachineKeyRequest } from './machine-key.js';
export {
  addUser,
  administer,
  createMachineKey,
  initManager,
  type FolderOptions,
  type InitOptions,
} from './manager-folder.js';
export type { PasswordCost } from './password.js';
export {
  administerShared,
  initSharedManager,
  type SharedInit,
  type SharedInitResult,
} from './shared-folder.js';
export type { SharedRegistrySecrets } from './shared-registry.js';
export type { ZooKeeperConfig } from './zookeeper-config.js';
