/**
 * Named points that the log passes; a test's main stops or ends the process there. In order of a transaction's way:
 * `flush.begin`, `flush.written` (in LevelDB, head not moved), `flush.done`, `sync.begin`, `sync.files` (log files
 * synced, mark not written), `sync.mark`, `commit.placing` (some of a large prepared transaction is in its place, beyond
 * the head), `trim.tail` (tail moved and synced), `trim.step` (some deleted), `trim.done`. While an empty log is
 * filled: `fill.entry` (one was taken), `fill.copied` (all were, the log is not in its place).
 */
export interface LogHooks {
  at?(point: string): void | Promise<void>;
}
