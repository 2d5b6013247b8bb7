export { ClusterManager, type ManagerDependencies } from './cluster-manager.js';
export type { Clock } from './clock.js';
export { parseManagerConfig, type ListenAddress, type ManagerConfig } from './config.js';
export type { MachineKey, MachineKeyRequest } from './machine-key.js';
export {
  addUser,
  createMachineKey,
  initManager,
  type Credentials,
  type FolderOptions,
  type InitOptions,
  type NewUser,
} from './manager-folder.js';
export type { PasswordCost } from './password.js';
