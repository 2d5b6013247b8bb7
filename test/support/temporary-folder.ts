export * from '../../local-servers/src/temporary-folder.js';
