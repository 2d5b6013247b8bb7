import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, createConnection } from 'mysql2/promise';

/** Looks at the target again and again and tells when marks have become visible there. */
export async function watchMarks(
  target: ConnectionOptions,
  onVisible: (mark: string, atMs: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const connection = await createConnection(target);
  const seen = new Map<number, number>();
  try {
    while (!signal.aborted) {
      const [rows] = await connection.query<never[]>(
        'SELECT writer, MAX(sequence) AS newest FROM shop.marks GROUP BY writer',
      );
      const atMs = performance.timeOrigin + performance.now();
      for (const { writer, newest } of rows as { writer: number; newest: number }[]) {
        for (let sequence = (seen.get(writer) ?? 0) + 1; sequence <= newest; sequence += 1)
          onVisible(`${writer}-${sequence}`, atMs);
        seen.set(writer, newest);
      }
      await sleep(2, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await connection.end();
  }
}
