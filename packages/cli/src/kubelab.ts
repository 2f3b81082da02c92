import { OptionError, parseOptions } from '@kubelab/component-base';
import { type Command, UsageError } from './command.js';
import { addonDisable, addonEnable, addonList } from './commands/addon.js';
import { down } from './commands/down.js';
import { imageList, imageLoad } from './commands/image.js';
import { init } from './commands/init.js';
import { join } from './commands/join.js';
import { status } from './commands/status.js';
import { tokenCreate, tokenDelete, tokenList } from './commands/token.js';
import { up } from './commands/up.js';
import { superviseComponent } from './supervise/component.js';

const reset: Command = { ...down, name: 'reset' };
const commands: Command[] = [
  ...[up, down, init, join, reset, status],
  ...[addonEnable, addonDisable, addonList],
  ...[imageLoad, imageList, tokenCreate, tokenList, tokenDelete],
];

function usage(): string {
  const lines = commands.map((command) => {
    const call = `${command.name} ${command.arguments ?? ''}`.trim();
    return `  kubelab ${call.padEnd(26)} ${command.summary}`;
  });
  lines.push(`  kubelab ${'supervise'.padEnd(26)} ${superviseComponent.description}`);
  return `Usage: kubelab COMMAND [options]   (COMMAND --help lists the options)\n\n${lines.join('\n')}\n`;
}

/** Finds the command whose words begin the arguments, the longest name first. */
function findCommand(argv: string[]): { command: Command; rest: string[] } | undefined {
  const byLength = [...commands].sort((a, b) => b.name.split(' ').length - a.name.split(' ').length);
  for (const command of byLength) {
    const words = command.name.split(' ');
    if (words.every((word, index) => argv[index] === word)) {
      return { command, rest: argv.slice(words.length) };
    }
  }
  return undefined;
}

/** Runs `kubelab` with these arguments; returns the exit code. */
export async function runKubelab(argv: string[]): Promise<number> {
  const found = findCommand(argv);
  if (!found) {
    const asked = argv.length === 0 || ['help', '--help', '-h'].includes(argv[0] ?? '');
    (asked ? process.stdout : process.stderr).write(asked ? usage() : `unknown command: ${argv[0]}\n\n${usage()}`);
    return asked ? 0 : 2;
  }
  const { command, rest } = found;
  // Positional arguments stand anywhere; everything that begins with a dash is an option (as --name=value).
  const positional = command.arguments ? rest.filter((arg) => !arg.startsWith('-')) : [];
  const flags = command.arguments ? rest.filter((arg) => arg.startsWith('-')) : rest;
  try {
    const options = parseOptions(command.name.replaceAll(' ', '-'), command.options, flags);
    return (await command.run(options, positional)) ?? 0;
  } catch (error) {
    if (error instanceof UsageError || error instanceof OptionError) {
      process.stderr.write(`kubelab ${command.name}: ${error.message}\n`);
      return 2;
    }
    process.stderr.write(`kubelab ${command.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env.KUBELAB_DEBUG && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`);
    }
    return 1;
  }
}
