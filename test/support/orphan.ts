// A worker whose test runner was killed would run on for ever, with its servers. Its IPC channel tells.
process.once('disconnect', () => process.exit(1));
