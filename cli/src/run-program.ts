import type { Command } from 'commander';
import { exitCodeOf, ExitCode } from './exit-code.js';
import { describeError } from './print-error.js';

/** Parses the command line, runs the command, and turns its end into an exit code. */
export async function runProgram(program: Command): Promise<void> {
  const commands = [program, ...program.commands, ...program.commands.flatMap((command) => command.commands)];
  for (const command of commands) command.exitOverride();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // the reader of a pipe has gone, as in `drc tail shop | head`
    if (error.code === 'EPIPE') process.exit(ExitCode.ok);
    throw error;
  });
  try {
    await program.parseAsync();
  } catch (error) {
    const wrongUsage = (error as { code?: unknown }).code;
    if (typeof wrongUsage === 'string' && wrongUsage.startsWith('commander.')) {
      const asked = ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(wrongUsage);
      process.exitCode =
        asked && (error as { exitCode?: number }).exitCode === 0 ? ExitCode.ok : ExitCode.usage;
      return;
    }
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
