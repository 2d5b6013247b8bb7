import type { DrcError } from '@drc/protocol';
import { parseManagerConfig } from '@drc/cluster-manager';
import { describe, expect, it } from 'vitest';
import { mustBeLoopback } from '../../cluster-manager/src/config.js';

function errorOf(run: () => unknown): DrcError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as DrcError;
  }
}

const faultsOf = (value: unknown): readonly string[] =>
  (errorOf(() => parseManagerConfig(value))?.details['faults'] ?? []) as readonly string[];

describe('parseManagerConfig', () => {
  it('needs a folder and has a default for everything else', () => {
    expect(parseManagerConfig({ directory: 'data' })).toEqual({
      directory: 'data',
      listen: { host: '127.0.0.1', port: 7370 },
      admin: { host: '127.0.0.1', port: 7371 },
      ticketLifeMs: 300_000,
      tokenLifeMs: 3_600_000,
      leaseMs: 15_000,
    });
  });

  it('tells all faults at once', () => {
    const faults = faultsOf({
      listen: { port: 70_000, hots: 'x' },
      admin: 1,
      ticketLifeMs: '5m',
      passwords: [],
    });
    for (const name of ['directory', 'listen.port', 'listen.hots', 'admin', 'ticketLifeMs', 'passwords']) {
      expect(faults).toContainEqual(expect.stringMatching(`^${name}: `));
    }
    expect(faults).toHaveLength(6);
    expect(faultsOf({ directory: 5, listen: [], admin: null, leaseMs: 1, tokenLifeMs: '5m' })).toEqual([
      'directory: must be a text',
      'listen: must have settings below it',
      'admin: is empty: give it a value, or take the line out',
      'tokenLifeMs: must be a number',
      'leaseMs: must be at least 1000',
    ]);
  });

  it('lists addresses that are not loopback among the faults', () => {
    expect(faultsOf({ directory: 'd', listen: { host: '0.0.0.0' }, admin: { host: 'cm.example' } })).toEqual([
      expect.stringMatching(/^admin\.host: is not a loopback address/),
      expect.stringMatching(/^listen\.host: is not a loopback address/),
    ]);
    for (const way of [{ tls: { certFile: 'c', keyFile: 'k' } }, { plaintext: 'allow' }])
      expect(
        faultsOf({ directory: 'd', listen: { host: '0.0.0.0' }, admin: { host: '0.0.0.0' }, ...way }),
      ).toEqual([expect.stringMatching(/^admin\.host: is not a loopback address/)]);
  });

  it('fails with CONFIG_INVALID', () => {
    expect(errorOf(() => parseManagerConfig({}))).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('asks for the authority where clients are to show certificates', () => {
    const tls = { certFile: 'c', keyFile: 'k', clientCertificates: 'require' };
    expect(faultsOf({ directory: 'd', tls })).toEqual([
      'tls.caFile: is missing: client certificates must be of somebody',
    ]);
  });

  it('refuses unknown settings, names that cannot be, and lives that are too long', () => {
    expect(faultsOf({ directory: 'd', cluster: 'a/b' })).toHaveLength(1);
    expect(faultsOf({ directory: 'd', ticketLifeMs: 3_600_001 })).toHaveLength(1);
    expect(faultsOf({ directory: 'd', directoy: 'd', listen: { a: 1, b: 2 } })).toEqual([
      'listen.a: is not a setting',
      'listen.b: is not a setting',
      'directoy: is not a setting',
    ]);
    expect(faultsOf(null)).toHaveLength(1);
    expect(faultsOf('text')).toHaveLength(1);
  });
});

describe('mustBeLoopback', () => {
  it('takes loopback addresses only', () => {
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost']) mustBeLoopback(host);
    for (const host of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '127.0.0.1.example.org',
      'example.org',
      '',
      '[::2]',
      '127.1',
    ]) {
      const code = errorOf(() => mustBeLoopback(host))?.code;
      expect([host, code]).toEqual([host, 'ADDRESS_NOT_LOOPBACK']);
    }
  });
});

describe('a registry in ZooKeeper', () => {
  const parsed = (zookeeper: unknown) => parseManagerConfig({ directory: 'd', registry: { zookeeper } });

  it('needs servers, and has a default for everything else', () => {
    expect(parsed({ servers: ['127.0.0.1', 'localhost:2182', '[::1]:2183'] }).registry).toEqual({
      zookeeper: {
        servers: [
          { host: '127.0.0.1', port: 2181 },
          { host: 'localhost', port: 2182 },
          { host: '::1', port: 2183 },
        ],
        root: '/drc',
        auth: { user: 'drc' },
        sessionTimeoutMs: 10_000,
        offlineReadsMs: 3_600_000,
      },
    });
  });

  it('is spoken to over a network only where that is asked for by name', () => {
    const servers = ['127.0.0.1:2181', 'zk2.internal:2181'];
    expect(faultsOf({ directory: 'd', registry: { zookeeper: { servers } } })).toEqual([
      expect.stringMatching(/^registry\.zookeeper\.servers: are not all loopback addresses/),
    ]);
    expect(parsed({ servers, plaintext: 'allow' }).registry?.zookeeper.servers).toHaveLength(2);
  });

  it('has no password in its file, and no root that cannot be', () => {
    const zookeeper = { servers: ['zk:0', 'a b', ''], root: 'drc', auth: { password: 'x', user: 'a:b' } };
    const faults = faultsOf({ directory: 'd', registry: { zookeeper } });
    for (const name of ['servers.0', 'servers.1', 'servers.2', 'root', 'auth.password', 'auth.user'])
      expect(faults).toContainEqual(expect.stringMatching(`^registry\\.zookeeper\\.${name}: `));
    for (const root of ['/', '/a/', '/a//b', '/../a', '/a/..', ''])
      expect(faultsOf({ directory: 'd', registry: { zookeeper: { servers: ['::1'], root } } })).not.toEqual(
        [],
      );
    expect(faultsOf({ directory: 'd', registry: { zookeeper: { servers: [] } } })).toHaveLength(1);
    expect(faultsOf({ directory: 'd', registry: {} })).toHaveLength(1);
  });
});
