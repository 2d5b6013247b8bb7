/**
 * Named points that the log passes; a test's main stops or ends the process there. In order of a transaction's way:
 * `flush.begin`, `flush.written` (in LevelDB, head not moved), `flush.done`, `sync.begin`, `sync.files` (log files
 * synced, mark not written), `sync.mark`, `commit.placing` (some of a large prepared transaction is in its place, beyond
 * the head), `trim.tail` (tail moved and synced), `trim.step` (some deleted), `trim.done`.
 */
export interface LogHooks {
  at?(point: string): void | Promise<void>;
}
