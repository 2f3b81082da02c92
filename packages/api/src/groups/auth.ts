import { defineResource } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const authentication = { group: 'authentication.k8s.io', typesPackage: 'io.k8s.api.authentication' };
const authorization = { group: 'authorization.k8s.io', typesPackage: 'io.k8s.api.authorization' };
const review = { versions: ['v1'], verbs: ['create'], virtual: true, namespaced: false };

/** authentication.k8s.io and authorization.k8s.io: questions to the API server; nothing is stored. */
export const authResources: ResourceEntry[] = [
  defineResource(authentication, { ...review, resource: 'selfsubjectreviews', kind: 'SelfSubjectReview' }),
  defineResource(authentication, { ...review, resource: 'tokenreviews', kind: 'TokenReview' }),
  defineResource(authorization, {
    ...review,
    resource: 'localsubjectaccessreviews',
    kind: 'LocalSubjectAccessReview',
    namespaced: true,
  }),
  defineResource(authorization, { ...review, resource: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' }),
  defineResource(authorization, { ...review, resource: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview' }),
  defineResource(authorization, { ...review, resource: 'subjectaccessreviews', kind: 'SubjectAccessReview' }),
];
