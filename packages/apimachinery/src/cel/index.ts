export { type CelExtension, type CelProgram, celCompiler, celMessage, celProblem, compileCel } from './program.js';
export { validateRuleSyntax, validateSchemaRules } from './schema-rules.js';
export { escapeName, toCel } from './values.js';
