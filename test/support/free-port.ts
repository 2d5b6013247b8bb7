export * from '../../local-servers/src/free-port.js';
