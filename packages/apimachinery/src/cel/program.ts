import { Environment } from '@marcbachmann/cel-js';
import { registerHasField, rewriteHas } from './has-fields.js';
import { registerKubernetesLibraries } from './libraries.js';

/** An expression ready to run. */
export interface CelProgram {
  /** @throws Error when it can't be evaluated (no such key, wrong type) */
  evaluate(variables: Record<string, unknown>): unknown;
}

const options = {
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
} as const;

const base = new Environment(options);
registerKubernetesLibraries(base);
registerHasField(base);

const environments = new Map<string, Environment>();

function environment(variables: readonly string[]): Environment {
  const key = variables.join(' ');
  let env = environments.get(key);
  if (!env) {
    env = base.clone();
    for (const v of variables) env.registerVariable(v, 'dyn');
    environments.set(key, env);
  }
  return env;
}

/** More functions for some expressions (the authorizer of admission policies), registered on a copy. */
export type CelExtension = (env: Environment) => void;

/** Makes a compiler whose expressions also know the extension's types and functions. */
export function celCompiler(variables: readonly string[], extend: CelExtension): (expression: string) => CelProgram {
  const env = base.clone();
  for (const v of variables) env.registerVariable(v, 'dyn');
  extend(env);
  return (expression) => programOf(env, expression);
}

function programOf(env: Environment, expression: string): CelProgram {
  const parsed = env.parse(rewriteHas(env, expression));
  const checked = parsed.check();
  if (!checked.valid) throw new Error(firstLine(checked.error));
  return { evaluate: (context) => parsed(context) };
}

const firstLine = (e: unknown) => String((e as Error | undefined)?.message ?? e).split('\n')[0] ?? '';

const cache = new Map<string, CelProgram | Error>();

/**
 * Compiles an expression over the given variables; the same text is compiled once.
 * @throws Error with the first line of the parser's or type checker's message
 */
export function compileCel(expression: string, variables: readonly string[]): CelProgram {
  const key = `${variables.join(' ')}\n${expression}`;
  let program = cache.get(key);
  if (!program) {
    try {
      program = programOf(environment(variables), expression);
    } catch (err) {
      program = new Error(firstLine(err));
    }
    if (cache.size > 10_000) cache.clear();
    cache.set(key, program);
  }
  if (program instanceof Error) throw program;
  return program;
}

/** Why an expression does not compile; undefined when it does. */
export function celProblem(expression: string, variables: readonly string[]): string | undefined {
  try {
    compileCel(expression, variables);
    return undefined;
  } catch (err) {
    return (err as Error).message;
  }
}

/** The first line of an evaluation's error. */
export const celMessage = firstLine;
