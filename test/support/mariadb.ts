export * from '../../local-servers/src/mariadb.js';
