import { type FieldPath, field } from '@kubelab/apimachinery';
import type { Errors } from '../common.js';

/** No `..` element in a path. */
export function validateNoBackstepPath(target: string, path: FieldPath, errors: Errors): void {
  if (target.split(/[\\/]/).includes('..')) errors.push(field.invalid(path, target, "must not contain '..'"));
}

/** A relative path that stays below its directory (files of configMap, secret and projected volumes). */
export function validateRelativePath(target: string, path: FieldPath, errors: Errors): void {
  if (target.startsWith('/')) {
    errors.push(field.invalid(path, target, 'must be a relative path'));
    return;
  }
  validateNoBackstepPath(target, path, errors);
  const first = target.split('/')[0] ?? '';
  if (first.startsWith('..') && first !== '..') errors.push(field.invalid(path, target, "must not start with '..'"));
}

/** A relative path that may be absent of `..` only (subPath). */
export function validateDescendingPath(target: string, path: FieldPath, errors: Errors): void {
  if (target.startsWith('/')) errors.push(field.invalid(path, target, 'must be a relative path'));
  validateNoBackstepPath(target, path, errors);
}
