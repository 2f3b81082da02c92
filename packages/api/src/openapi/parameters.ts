/** A query or path parameter of an operation. */
export interface Parameter {
  name: string;
  in: 'path' | 'query';
  description: string;
  type: 'boolean' | 'integer' | 'string';
  required?: boolean;
}

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  in: 'query',
  description,
  type,
});

/** Query parameters of the API (meta.k8s.io/v1 *Options), by name. */
export const PARAMETERS: Record<string, Parameter> = Object.fromEntries(
  [
    query('allowWatchBookmarks', 'boolean', 'allowWatchBookmarks requests watch events with type "BOOKMARK".'),
    query('continue', 'string', 'The token of the previous list: continues it where it ended.'),
    query(
      'dryRun',
      'string',
      'When present, indicates that modifications should not be persisted. Valid values are: - All: all dry run stages will be processed',
    ),
    query(
      'fieldManager',
      'string',
      'fieldManager is a name associated with the actor or entity that is making these changes.',
    ),
    query('fieldSelector', 'string', 'A selector to restrict the list of returned objects by their fields.'),
    query(
      'fieldValidation',
      'string',
      'fieldValidation instructs the server on how to handle objects in the request (POST/PUT/PATCH) containing unknown or duplicate fields. Valid values are: Ignore, Warn, Strict.',
    ),
    query('force', 'boolean', 'Force is going to "force" Apply requests: fields of other managers are taken over.'),
    query('gracePeriodSeconds', 'integer', 'The duration in seconds before the object should be deleted.'),
    query(
      'ignoreStoreReadErrorWithClusterBreakingPotential',
      'boolean',
      'Deletes an object that can no longer be read from the store, without its finalizers.',
    ),
    query('labelSelector', 'string', 'A selector to restrict the list of returned objects by their labels.'),
    query('limit', 'integer', 'limit is a maximum number of responses to return for a list call.'),
    query('orphanDependents', 'boolean', 'Deprecated: please use the PropagationPolicy.'),
    query('pretty', 'string', "If 'true', then the output is pretty printed."),
    query(
      'propagationPolicy',
      'string',
      "Whether and how garbage collection will be performed: 'Orphan', 'Background' or 'Foreground'.",
    ),
    query(
      'resourceVersion',
      'string',
      'resourceVersion sets a constraint on what resource versions a request may be served from.',
    ),
    query(
      'resourceVersionMatch',
      'string',
      'resourceVersionMatch determines how resourceVersion is applied to list calls.',
    ),
    query('sendInitialEvents', 'boolean', '`sendInitialEvents=true` may be set together with `watch=true`.'),
    query('timeoutSeconds', 'integer', 'Timeout for the list/watch call.'),
    query('watch', 'boolean', 'Watch for changes to the described resources.'),
  ].map((p) => [p.name, p]),
);

/** Path parameters, by name. */
export const PATH_PARAMETERS: Record<string, Parameter> = {
  name: { name: 'name', in: 'path', description: 'name of the object', type: 'string', required: true },
  namespace: {
    name: 'namespace',
    in: 'path',
    description: 'object name and auth scope, such as for teams and projects',
    type: 'string',
    required: true,
  },
  path: { name: 'path', in: 'path', description: 'path to the resource', type: 'string', required: true },
};

const LIST = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];

/** Query parameters of each action, besides `pretty`. */
export const ACTION_PARAMETERS: Record<string, string[]> = {
  list: LIST,
  get: [],
  post: ['dryRun', 'fieldManager', 'fieldValidation'],
  put: ['dryRun', 'fieldManager', 'fieldValidation'],
  patch: ['dryRun', 'fieldManager', 'fieldValidation', 'force'],
  delete: [
    'dryRun',
    'gracePeriodSeconds',
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'orphanDependents',
    'propagationPolicy',
  ],
  deletecollection: [
    'continue',
    'dryRun',
    'fieldSelector',
    'gracePeriodSeconds',
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'labelSelector',
    'limit',
    'orphanDependents',
    'propagationPolicy',
    'resourceVersion',
    'resourceVersionMatch',
    'sendInitialEvents',
    'timeoutSeconds',
  ],
  connect: [],
};
