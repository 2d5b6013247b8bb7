import type { Checkpoint, StartFrom } from '@drc/protocol';

/** A checkpoint that is to be saved; `step` orders them. It is made, and turned into text, only when it is really written. */
export interface Unsaved<C extends { toString(): string } = Checkpoint> {
  readonly step: number;
  readonly checkpoint: () => C;
  /** Log time of its newest transaction, ms, where that is known. */
  readonly time?: number | undefined;
}

/** Keeps one subscription's place. */
export interface CheckpointKeeper {
  /** Where to begin; undefined where nothing has ever been saved. @throws DrcError; where it can be retried, it may be. */
  load(signal: AbortSignal): Promise<StartFrom | undefined>;
  /** Resolves once this checkpoint, or a later one, is saved, as far as the keeper promises that. @throws DrcError. */
  save(unsaved: Unsaved): Promise<void>;
  /** Resolves when nothing is being saved or waits to be. What failed before has been reported. @throws DrcError `CHECKPOINT_STORE`. */
  settled(): Promise<void>;
  /** Since when what is saved is behind, because it cannot be saved; ms since 1970. Undefined: it can. */
  readonly behindSince: number | undefined;
}
