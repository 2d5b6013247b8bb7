import type { Command } from 'commander';
import { list } from './arguments.js';
import type { CodegenFlags } from './commands/codegen.js';

/** Makes `drc codegen` of a command that has a client's options. */
export function addCodegenCommand(command: Command): void {
  command
    .description("write TypeScript types of the rows of a topic's tables, for hub.subscribe<…>")
    .option(
      '--tables <globs>',
      'only these tables, e.g. shop.*,crm.people; default: all that you may read',
      list,
    )
    .option('--out <file>', 'write them there instead of printing them')
    .option('--name <identifier>', 'name of the interface; default: made of the topic, shop → Shop')
    .option('--check', 'write nothing, and fail where --out is not what would be written')
    .option('--force', 'write over a file that was not made by this command')
    .option('--json', 'print the tables with their columns as JSON instead')
    .addHelpText(
      'after',
      `
Tables are described as they were written to last; one that nothing was written to yet, as the source has it now. Columns that
your grant drops are left out. Exit code: 0; 9 where --check finds a difference.

Examples:
  drc codegen shop --out src/shop.ts
  drc codegen shop --tables 'shop.*' --out src/shop.ts --check`,
    )
    .action(async (topic: string, flags: CodegenFlags) =>
      (await import('./commands/codegen.js')).codegen(topic, flags),
    );
}
