import { expect, test } from 'vitest';
import { StoreMetrics, type StoreMetricsSource } from '../../store/src/metrics.js';
import { ServeCounters } from '../../store/src/serve/serve-counters.js';

const counters = new ServeCounters();
counters.frames = 3;
counters.bytes = 1000;
counters.rows = 12;
counters.refuse('UNAUTHENTICATED');
counters.refuse('UNAUTHENTICATED');

const source: StoreMetricsSource = {
  topic: 'shop',
  now: () => 20_000,
  extent: () => ({
    lineage: 'x',
    head: { lsn: 9, time: 15_000 },
    oldest: { lsn: 2, time: 5000 },
    coversFrom: 0,
    setBeforeOldest: '',
  }),
  logBytes: () => 1234,
  gaps: () => 2,
  capture: () => ({
    events: { WRITE_ROWS: { read: 5, stored: 4, leftOut: { excluded: 1 } } },
    tables: { 'shop."odd" name': { read: 7, stored: 7, leftOut: {} } },
    transactions: 8,
    bytes: 900,
    disconnects: 1,
  }),
  captureState: () => 'streaming',
  draining: () => true,
  serve: () => counters,
  sessions: () => [
    { principal: 'a', client: '', state: 'live', lsn: 1, transactionsBehind: 0, outstandingBytes: 0 },
    { principal: 'b', client: '', state: 'live', lsn: 1, transactionsBehind: 0, outstandingBytes: 0 },
  ],
};

test('a scrape shows what the parts have counted', async () => {
  const metrics = new StoreMetrics(source);
  await metrics.text();
  const text = await metrics.text();
  for (const line of [
    'drc_store_head_lsn{topic="shop"} 9',
    'drc_store_oldest_lsn{topic="shop"} 2',
    'drc_store_log_newest_seconds{topic="shop"} 15',
    'drc_store_log_bytes{topic="shop"} 1234',
    'drc_store_gaps{topic="shop"} 2',
    'drc_store_draining{topic="shop"} 1',
    'drc_store_log_age_seconds{topic="shop"} 5',
    'drc_store_capture_state{state="streaming",topic="shop"} 1',
    'drc_store_capture_state{state="stopped",topic="shop"} 0',
    'drc_store_captured_transactions_total{topic="shop"} 8',
    'drc_store_captured_events_total{event="WRITE_ROWS",outcome="stored",topic="shop"} 4',
    'drc_store_captured_events_total{event="WRITE_ROWS",outcome="excluded",topic="shop"} 1',
    'drc_store_captured_rows_total{table="shop.\\"odd\\" name",outcome="stored",topic="shop"} 7',
    'drc_store_sessions{state="live",topic="shop"} 2',
    'drc_store_sent_frames_total{topic="shop"} 3',
    'drc_store_sent_bytes_total{topic="shop"} 1000',
    'drc_store_sent_rows_total{topic="shop"} 12',
    'drc_store_refusals_total{reason="UNAUTHENTICATED",topic="shop"} 2',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toContain('process_cpu_user_seconds_total');
});

test('a log without transactions has no age', async () => {
  const moment = { lsn: 0, time: 0 };
  const empty: StoreMetricsSource = {
    ...source,
    extent: () => ({ lineage: 'x', head: moment, oldest: moment, coversFrom: 0, setBeforeOldest: '' }),
    logBytes: () => undefined,
  };
  const text = await new StoreMetrics(empty).text();
  expect(text.split('\n')).toContain('drc_store_head_lsn{topic="shop"} 0');
  expect(text).not.toMatch(/^drc_store_log_\w+\{/m);
});

test('parts that are not running leave no figures, and two registries do not meet', async () => {
  const none: StoreMetricsSource = {
    ...source,
    extent: () => undefined,
    logBytes: () => undefined,
    capture: () => undefined,
    serve: () => undefined,
    sessions: () => [],
  };
  const text = await new StoreMetrics(none).text();
  expect(text).not.toMatch(/^drc_store_(head|sent|captured)\w+\{/m);
  expect(text).not.toContain('NaN');
});
