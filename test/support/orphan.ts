// A worker whose test runner was killed would run on for ever, with its servers. Its IPC channel tells.
const endOrphan = (): void => {
  try {
    // In a test vitest lets this throw.
    process.exit(1);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
};

// One worker runs many files.
if (!process.listeners('disconnect').some(({ name }) => name === endOrphan.name))
  process.once('disconnect', endOrphan);
