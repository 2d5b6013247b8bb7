/** Whether the cluster managers can be asked: where they cannot, sessions may outlive their tickets. */
export interface ManagerContact {
  /** Whether one of them answers, as of now. Never throws. */
  answers(): Promise<boolean>;
  /** When the first one answered again after none had, on the monotonic clock; undefined: they always did. */
  readonly backSince: number | undefined;
}

/** For a server that nobody announces. */
export const inContact: ManagerContact = { answers: () => Promise.resolve(true), backSince: undefined };
