import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import ZongJi from '@vlasky/zongji';
import { startServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

const require = createRequire(import.meta.url);

describe('what ReplicaConnection relies on inside zongji and mysql2', () => {
  it('is the version that was read', async () => {
    const version = async (path: string): Promise<string> =>
      (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
    const zongji = new URL('./package.json', import.meta.resolve('@vlasky/zongji'));
    expect(await version(zongji.pathname)).toBe('0.9.0');
    expect(await version(require.resolve('mysql2/package.json'))).toBe('3.24.6');
  });
});

onEachServer('what ReplicaConnection relies on inside zongji and mysql2', (flavour) => {
  it('still is where it was', async () => {
    await using server = await startServer(flavour);
    interface Inner {
      connection: Record<string, unknown> & { stream: Record<string, unknown> };
      ctrlConnection: Record<string, unknown>;
      BinlogClass: unknown;
    }
    const zongji = new ZongJi({ host: server.host, port: server.port, user: server.user });
    const inner = zongji as unknown as Inner;
    const packets: { numPackets: number; first: number; command: unknown }[] = [];
    await new Promise<void>((resolve, reject) => {
      zongji.on('error', reject);
      zongji.on('ready', () => {
        // The dump command is made behind this event, so that SETs queued here come before it.
        expect(typeof inner.BinlogClass).toBe('function');
        expect(inner.connection['_command'] ?? null).toBeNull();
        const handlePacket = inner.connection['handlePacket'] as (packet?: unknown) => void;
        inner.connection['handlePacket'] = function (
          this: unknown,
          packet?: { buffer: Buffer; offset: number; end: number; numPackets: number },
        ) {
          const command = inner.connection['_command'] as object | null;
          if (packet !== undefined && command?.constructor === inner.BinlogClass) {
            packets.push({ numPackets: packet.numPackets, first: packet.buffer[packet.offset]!, command });
            expect(packet.end).toBeLessThanOrEqual(packet.buffer.length);
            resolve();
            return;
          }
          handlePacket.call(inner.connection, packet);
        };
      });
      zongji.start({ serverId: 4_000_000_002, filename: 'binlog.000001', position: 4 });
      for (const name of ['pause', 'resume', 'destroy'])
        expect([name, typeof inner.connection.stream[name]]).toEqual([name, 'function']);
      expect(typeof inner.connection['_bumpSequenceId']).toBe('function');
      expect(typeof inner.connection.stream['bytesRead']).toBe('number');
      expect(inner.ctrlConnection).toBeDefined();
    });
    zongji.stop();
    expect(packets[0]).toMatchObject({ numPackets: 1, first: 0 });
  });
});
