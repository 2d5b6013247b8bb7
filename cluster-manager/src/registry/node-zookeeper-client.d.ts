/** What we use of node-zookeeper-client 1.1.3, which has no types. Its `connectionManager` is not public: see zookeeper-connection.ts. */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export class Exception extends Error {
    static readonly NO_NODE: number;
    static readonly NO_AUTH: number;
    static readonly BAD_VERSION: number;
    static readonly NODE_EXISTS: number;
    readonly code: number;
  }

  export class Id {
    constructor(scheme: string, id: string);
    readonly scheme: string;
    readonly id: string;
  }

  export class ACL {
    constructor(permission: number, id: Id);
    static readonly OPEN_ACL_UNSAFE: readonly ACL[];
    readonly permission: number;
    readonly id: Id;
  }

  export const Permission: { readonly ALL: number };

  export interface Stat {
    readonly version: number;
  }

  type Callback<Results extends readonly unknown[]> = (
    error: Error | null | undefined,
    ...results: Results
  ) => void;

  export interface Transaction {
    create(path: string, data: Buffer, acls: readonly ACL[]): this;
    /** Takes version 0 for "any". */
    setData(path: string, data: Buffer, version: number): this;
    remove(path: string): this;
    commit(callback: Callback<[]>): void;
  }

  export interface ConnectionManager {
    socket: Socket;
    pendingBuffer: Buffer | null;
    connect(): void;
    setState(state: number): void;
    onSocketConnected(): void;
    onSocketData(data: Buffer): void;
    onSocketDrain(): void;
    onSocketClosed(): void;
  }

  export interface Client extends EventEmitter {
    readonly connectionManager: ConnectionManager;
    addAuthInfo(scheme: string, auth: Buffer): void;
    getSessionTimeout(): number;
    connect(): void;
    close(): void;
    create(path: string, data: Buffer, acls: readonly ACL[], callback: Callback<[string]>): void;
    exists(path: string, callback: Callback<[Stat | null]>): void;
    getData(
      path: string,
      watcher: (() => void) | undefined,
      callback: Callback<[Buffer | undefined, Stat]>,
    ): void;
    getChildren(path: string, callback: Callback<[readonly string[], Stat]>): void;
    getACL(path: string, callback: Callback<[readonly ACL[], Stat]>): void;
    setACL(path: string, acls: readonly ACL[], callback: Callback<[Stat]>): void;
    transaction(): Transaction;
  }

  export function createClient(servers: string, options: { sessionTimeout: number }): Client;
}
