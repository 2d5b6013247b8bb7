export type {
  AdministrationCalls,
  Credentials,
  MachineKeySummary,
  NewUser,
  UserSummary,
} from './administration.js';
export { ClusterManager, type ManagerDependencies } from './cluster-manager.js';
export type { Clock } from './clock.js';
export { parseManagerConfig, type ListenAddress, type ManagerConfig } from './config.js';
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
