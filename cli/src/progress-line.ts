import { durationText } from './quantity-text.js';

const everyMs = 200;

/** How far something is: a share from 0 to 1, and what else is worth telling. */
export interface ProgressStep {
  readonly share: number;
  readonly text: string;
}

/** One line on a terminal that is written again and again; nothing where stderr is none. */
export class ProgressLine implements Disposable {
  readonly #beganAt = performance.now();
  readonly #isShown = process.stderr.isTTY;
  #shownAt = 0;

  /** Milliseconds since it began. */
  get elapsedMs(): number {
    return performance.now() - this.#beganAt;
  }

  show({ share, text }: ProgressStep): void {
    const now = performance.now();
    if (!this.#isShown || now - this.#shownAt < everyMs) return;
    this.#shownAt = now;
    const left = share <= 0 ? '' : `, ${durationText((this.elapsedMs * (1 - share)) / share)} left`;
    process.stderr.write(`\r\u001B[K${String(Math.floor(share * 100)).padStart(3)} %  ${text}${left}`);
  }

  [Symbol.dispose](): void {
    if (this.#shownAt > 0) process.stderr.write('\r\u001B[K');
  }
}
