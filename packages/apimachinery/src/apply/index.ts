export { FieldSet, formatPath } from './field-set.js';
export {
  type ApplyOptions,
  lastAppliedAnnotation,
  serverSideApply,
  type UpdateOptions,
  updateManagedFields,
} from './server-side-apply.js';
export { compareObjects, fieldSetOf, mergeObjects, removeFields } from './walk.js';
