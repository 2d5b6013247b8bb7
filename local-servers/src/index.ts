export {
  DatabaseServer,
  type ServerOptions,
  startMariadb,
  startMysql,
  startServer,
} from './database-server.js';
export { freePort } from './free-port.js';
export { temporaryFolder } from './temporary-folder.js';
export type { Flavour } from '../../scripts/servers.mjs';
