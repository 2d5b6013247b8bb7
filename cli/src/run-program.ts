import type { Command } from 'commander';
import { exitCodeOf, ExitCode } from './exit-code.js';
import { describeError } from './print-error.js';

/** As typed: `drc cm user`. */
const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;

/** `drc bogus --help` asks for the help of a command that does not exist: without the option, commander says so. */
function askable(program: Command, args: readonly string[]): readonly string[] {
  let command = program;
  for (const word of args) {
    if (word.startsWith('-') || command.commands.length === 0) break;
    const named = command.commands.find((candidate) => candidate.name() === word);
    if (named === undefined)
      return word === 'help' ? args : args.filter((arg) => !['-h', '--help'].includes(arg));
    command = named;
  }
  return args;
}

/** Parses the command line, runs the command, and turns its end into an exit code. */
export async function runProgram(program: Command): Promise<void> {
  const commands = [program, ...program.commands, ...program.commands.flatMap((command) => command.commands)];
  for (const command of commands) {
    command.exitOverride().showHelpAfterError(`See ${fullName(command)} --help.`);
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // the reader of a pipe has gone, as in `drc tail shop | head`
    if (error.code === 'EPIPE') process.exit(ExitCode.ok);
    throw error;
  });
  try {
    await program.parseAsync(askable(program, process.argv.slice(2)), { from: 'user' });
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
