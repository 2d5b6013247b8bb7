export * from '../../local-servers/src/server-guard.js';
