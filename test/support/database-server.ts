export * from '../../local-servers/src/database-server.js';
export type { Flavour } from '../../scripts/servers.mjs';
