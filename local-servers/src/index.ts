export { freePort } from './free-port.js';
export { type MariadbOptions, MariadbServer, startMariadb } from './mariadb.js';
export { temporaryFolder } from './temporary-folder.js';
