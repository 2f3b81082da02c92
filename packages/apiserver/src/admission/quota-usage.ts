export { inScope, missingConstraints, type Quota, type Usage, usageOf } from '@kubelab/api';
