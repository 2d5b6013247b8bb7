import { test } from 'vitest';
import { Session } from 'node:inspector/promises';
import { writeFileSync } from 'node:fs';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, update, remove, int, tableVersion } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';
const cols: any = [
  { name: 'id', type: 'bigint', nullable: false, unsigned: true }, { name: 'buyer_id', type: 'bigint', nullable: true }, { name: 'seller_id', type: 'bigint', nullable: true },
  { name: 'amount', type: 'decimal', precision: 12, scale: 2, nullable: true }, { name: 'status', type: 'int', length: 1, nullable: true }, { name: 'note', type: 'text', nullable: true },
  { name: 'created_at', type: 'datetime', scale: 3, nullable: true }, { name: 'updated_at', type: 'timestamp', scale: 6, nullable: true }];
const v = tableVersion('shop.orders', cols);
const row = (i: number): any => ({ id: BigInt(i), buyer_id: BigInt(i * 7), seller_id: BigInt(i * 13), amount: (i % 1000) + '.25', status: i % 5, note: 'note of order number ' + i, created_at: '2026-11-22 10:00:00.123', updated_at: '2026-11-22 10:00:00.123456' });
test('perf', async () => {
  await using target = await TestTarget.start(['--innodb-buffer-pool-size=256M', '--innodb-log-file-size=256M']);
  const measure = async (name: string, n: number, rowsPerTx: number, kind: 'insert'|'update'|'delete') => {
    await target.reset('create table orders(id bigint unsigned primary key, buyer_id bigint, seller_id bigint, amount decimal(12,2), status tinyint, note varchar(255), created_at datetime(3), updated_at timestamp(6) null)');
    const topic = new FakeTopic();
    let last = '';
    const fill = (k: string) => { for (let i = 0; i < n; i += rowsPerTx) last = topic.append(Array.from({ length: rowsPerTx }, (_, j) => k === 'insert' ? insert(v, row(i + j)) : k === 'update' ? update(v, row(i + j), { ...row(i + j), status: 9 }) : remove(v, row(i + j)))); };
    fill('insert');
    const run = async () => { await using task = new RunningTask(topic, target, {}); const t = performance.now(); await task.applied(last, target); return [performance.now() - t, task.congo.counters.targetTransactions]; };
    let r = kind === 'insert' ? undefined : await run();
    if (kind !== 'insert') fill(kind);
    const s = new Session(); s.connect();
    if (process.env.PROF) { await s.post('Profiler.enable'); await s.post('Profiler.start'); }
    const cpu = process.cpuUsage();
    r = await run();
    const c = process.cpuUsage(cpu);
    if (process.env.PROF) { const { profile } = await s.post('Profiler.stop'); const self = new Map<string, number>(); const dt = profile.timeDeltas!; profile.samples!.forEach((id: number, i: number) => { const nd = profile.nodes.find((x: any) => x.id === id)!; const k = nd.callFrame.functionName + ' ' + nd.callFrame.url.split('/').slice(-2).join('/') + ':' + nd.callFrame.lineNumber; self.set(k, (self.get(k) ?? 0) + dt[i]!); }); console.log([...self].sort((a, b) => b[1] - a[1]).slice(0, 22).map(([k, t]) => (t / 1000).toFixed(0).padStart(6) + ' ms ' + k).join('\n')); }
    console.log(name.padEnd(24), Math.round(n / r[0]! * 1000), 'rows/s', 'node cpu ms', Math.round((c.user + c.system) / 1000), 'of', Math.round(r[0]!), 'target tx', r[1]);
  };
  const only = process.env.ONLY;
  for (const [name, n, per, kind] of [['warm', 20000, 10, 'insert'], ['insert 1/tx', 40000, 1, 'insert'], ['insert 10/tx', 100000, 10, 'insert'], ['insert 100k/tx', 100000, 100000, 'insert'], ['update 10/tx', 20000, 10, 'update'], ['delete 10/tx', 40000, 10, 'delete']] as const)
    if (!only || name === only) await measure(name, n, per, kind);
}, 600000);
