export { podTotals } from '@kubelab/api';
