import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';

/** Rows that are there before anybody reads. */
const customersBefore = 20_000;

/** Customers from before the demo's hub: the source has not been empty for long. */
export const fillSql = `INSERT INTO shop.customers (name, email, tier, interests, born, profile, updated_at)
  WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${customersBefore})
  SELECT CONCAT('customer ', id), IF(id % 3, CONCAT('c', id, '@example.com'), NULL), 1 + id % 3, 'books,sport',
    DATE('1950-01-01') + INTERVAL id DAY, JSON_OBJECT('id', id), '2026-01-01 00:00:00.5' FROM n`;

/** Waits until congo has copied what was there. @returns the rows of the target */
export async function copied(target: Connection, signal: AbortSignal): Promise<number> {
  while (!(await isCopied(target))) await sleep(50, undefined, { signal });
  const [[row]] = (await target.query('SELECT COUNT(*) AS n FROM shop.customers')) as unknown as [
    [{ n: number }],
  ];
  return row.n;
}

/** Congo's record of it: each table with how far it has come, 1 where all of it has. */
async function isCopied(target: Connection): Promise<boolean> {
  const [rows] = (await target.query(`SELECT progress FROM drc.congo_snapshot`)) as unknown as [
    { progress: string }[],
  ];
  const progress = JSON.parse(rows[0]?.progress ?? 'null') as unknown[][] | null;
  return progress !== null && progress.every(([, state]) => state === 1);
}
