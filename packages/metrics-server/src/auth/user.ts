/** Who makes a request. */
export interface User {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
