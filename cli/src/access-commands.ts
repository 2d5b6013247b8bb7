import { type Command, Option } from 'commander';
import { duration, list } from './arguments.js';
import { withTlsOptions } from './client-tls.js';
import type {
  GrantFlags,
  OutputFlags,
  RemovalFlags,
  RevokeFlags,
  TokenInspectFlags,
  TokenIssueFlags,
  UserAddFlags,
} from './commands/principals.js';

// Loaded when one is run, as all commands are.
const commands = () => import('./commands/principals.js');

const where = `
The folder of a stopped manager (--data), or a running one (--manager, DRC_MANAGER) with an administrator of it (--user,
and DRC_PASSWORD, --password-file or a prompt).`;

/** Where the users are: for all commands that an administrator gives. */
export const withAccessOptions = (command: Command): Command =>
  withTlsOptions(command)
    .option('--data <folder>', "the manager's folder, while it is stopped")
    .option('-c, --config <file>', 'its file, where its registry is in ZooKeeper, while it is stopped')
    .option('--manager <url>', 'address of the manager, while it is running (DRC_MANAGER)')
    .option('--user <name>', 'administrator to log in as where it is running', 'admin')
    .option('--password-file <file>', "file with the administrator's password (or DRC_PASSWORD)");

function access(command: Command, ...examples: readonly string[]): Command {
  const lines = examples.map((example) => `\n  ${example}`).join('');
  return withAccessOptions(command)
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table'),
    )
    .addHelpText('after', `${where}\n\n${examples.length === 1 ? 'Example' : 'Examples'}:${lines}`);
}

const removal = (command: Command, ...examples: readonly string[]): Command =>
  access(command, ...examples).option('--dry-run', 'only show what would change');

/** Adds `user`, `role`, `grant`, `revoke`, `grants`, `token` and `cluster`. */
export function addAccessCommands(program: Command): void {
  addUserCommands(program.command('user').description('users: who may log in'));
  addRoleCommands(program.command('role').description('roles: grants that several principals share'));
  addGrantCommands(program);
  addTokenCommands(program.command('token').description('tokens: credentials that live long, for programs'));
  const cluster = program.command('cluster').description('the cluster as a whole');
  access(cluster.command('rotate-keys'), 'drc cluster rotate-keys --manager http://127.0.0.1:7370')
    .description('give a manager a new signing key; readers and stores notice nothing')
    .action(async (flags: OutputFlags) => (await commands()).clusterRotateKeys(flags));
}

function addUserCommands(user: Command): void {
  access(user.command('add').argument('<name>'), 'drc user add anna --data ./cm --roles reporting')
    .description('add a user, who may read what its roles and grants say; print the generated password')
    .option('--administrator', 'may do all that these commands do')
    .option('--roles <names>', 'roles to begin with', list)
    .action(async (name: string, flags: UserAddFlags) => (await commands()).userAdd(name, flags));
  access(user.command('rotate').argument('<name>'), 'drc user rotate anna --manager http://127.0.0.1:7370')
    .description('give a user a new password; the logins of the old one end at once')
    .action(async (name: string, flags: OutputFlags) => (await commands()).userRotate(name, flags));
  removal(
    user.command('disable').argument('<principal>'),
    'drc user disable anna --manager http://127.0.0.1:7370',
    'drc user disable machine:0123456789abcdef --data ./cm --dry-run',
  )
    .description('shut a user or a machine key out: logins, tokens and what is being read end at once')
    .action(async (name: string, flags: RemovalFlags) => (await commands()).userDisable(name, flags));
  access(user.command('enable').argument('<principal>'), 'drc user enable anna --data ./cm')
    .description('let a user or a machine key in again, with the same password or key')
    .action(async (name: string, flags: OutputFlags) => (await commands()).userEnable(name, flags));
  access(user.command('ls'), 'drc user ls --data ./cm -o json')
    .description('list the users: name, administrator or user, enabled or disabled, roles, own grants')
    .action(async (flags: OutputFlags) => (await commands()).userList(flags));
  removal(user.command('rm').argument('<name>'), 'drc user rm anna --data ./cm')
    .description('remove a user with its tokens; what is being read ends at once')
    .action(async (name: string, flags: RemovalFlags) => (await commands()).userRemove(name, flags));
}

function addRoleCommands(role: Command): void {
  access(role.command('add').argument('<name>'), 'drc role add reporting --data ./cm')
    .description('add a role, without grants: drc grant role:NAME gives it some')
    .action(async (name: string, flags: OutputFlags) => (await commands()).roleAdd(name, flags));
  removal(role.command('rm').argument('<name>'), 'drc role rm reporting --data ./cm --dry-run')
    .description('remove a role, also from those that have it')
    .action(async (name: string, flags: RemovalFlags) => (await commands()).roleRemove(name, flags));
  access(role.command('ls'), 'drc role ls --data ./cm')
    .description('list the roles: name, members, number of grants')
    .action(async (flags: OutputFlags) => (await commands()).roleList(flags));
  access(
    role.command('assign').argument('<role>').argument('<principal>'),
    'drc role assign reporting anna --data ./cm',
    'drc role assign reporting machine:0123456789abcdef --data ./cm',
  )
    .description('give a role to a user, or to the machine key of a client')
    .action(async (name: string, principal: string, flags: OutputFlags) =>
      (await commands()).roleAssign(name, principal, flags),
    );
  removal(
    role.command('unassign').argument('<role>').argument('<principal>'),
    'drc role unassign reporting anna --data ./cm',
  )
    .description('take a role from a principal')
    .action(async (name: string, principal: string, flags: RemovalFlags) =>
      (await commands()).roleUnassign(name, principal, flags),
    );
}

const whose = '<principal|role>';

function addGrantCommands(program: Command): void {
  access(
    program.command('grant').argument(whose, 'a user, machine:ID of a client’s key, or role:NAME'),
    "drc grant anna --data ./cm --topics shop --tables 'shop.*'",
    'drc grant role:eu --data ./cm --topics shop --tables shop.orders --where "region = \'eu\' AND total > 100" --drop card',
    "drc grant machine:0123456789abcdef --data ./cm --topics 'shop-*' --tables crm.people --hash email --snapshot",
  )
    .description('let somebody read tables of topics; what all its grants allow together, it may read')
    .requiredOption('--topics <globs>', 'e.g. shop,crm-*', list)
    .requiredOption('--tables <globs>', "over schema.table, e.g. 'shop.*'", list)
    .option('--where <condition>', 'only rows for which this is true: SQL, see docs/expressions.md')
    .option('--drop <columns>', 'columns that are left out: names or globs', list)
    .option('--hash <columns>', 'columns that are delivered as a keyed hash', list)
    .option('--snapshot', 'may have these tables copied as they are now')
    .option('--backfill', 'may have what is older than the log read from the source')
    .action(async (to: string, flags: GrantFlags) => (await commands()).grant(to, flags));
  removal(
    program.command('revoke').argument(whose).argument('[ids...]', 'as drc grants ls shows them'),
    'drc revoke anna 3f2a9c01 --data ./cm --dry-run',
    'drc revoke role:eu --all --now --manager http://127.0.0.1:7370',
  )
    .description('take grants away; what is being read under them ends when its ticket does, or --now')
    .option('--all', 'all that it has of its own')
    .option('--now', 'end what is being read at once; the readers come back and get what is left')
    .action(async (from: string, ids: readonly string[], flags: RevokeFlags) =>
      (await commands()).revoke(from, ids, flags),
    );
  const grants = program.command('grants').description('who may read what');
  access(
    grants.command('ls').argument('[principal|role]', 'default: everybody'),
    'drc grants ls --data ./cm',
    'drc grants ls anna --manager http://127.0.0.1:7370 -o json',
  )
    .description(
      'list the grants: whose, id, topics, tables, restrictions and rights; of a principal with its roles’',
    )
    .action(async (to: string | undefined, flags: OutputFlags) => (await commands()).grantsList(to, flags));
}

function addTokenCommands(token: Command): void {
  access(
    token.command('issue').argument('<principal>', 'a user, or machine:ID of a client’s key'),
    "drc token issue anna --label 'nightly report' --expires 30d --data ./cm > report.token",
  )
    .description('make a token, which reads what its principal may; print it')
    .requiredOption('--label <words>', 'what it is for')
    .option('--expires <duration>', 'how long it is good, up to 5 years (default: 90d)', duration)
    .action(async (principal: string, flags: TokenIssueFlags) =>
      (await commands()).tokenIssue(principal, flags),
    );
  access(
    token.command('inspect').argument('[id]', 'the id'),
    'drc token inspect 0123456789abcdef --data ./cm',
    'drc token inspect --token-file report.token --data ./cm',
  )
    .option('--token-file <file>', 'file with the token itself, in the place of its id')
    .description(
      'show a token: id, whose, label, good, expired or disabled, when it was made and when it ends',
    )
    .action(async (id: string | undefined, flags: TokenInspectFlags) =>
      (await commands()).tokenInspect(id, flags),
    );
  removal(token.command('revoke').argument('<id>', 'the id'), 'drc token revoke 0123456789abcdef --data ./cm')
    .description('a token is no longer taken; what is being read with it ends at once')
    .action(async (text: string, flags: RemovalFlags) => (await commands()).tokenRevoke(text, flags));
  access(token.command('ls'), 'drc token ls --data ./cm')
    .description('list the tokens: id, whose, label, good, expired or disabled, when made, when it ends')
    .action(async (flags: OutputFlags) => (await commands()).tokenList(flags));
}
