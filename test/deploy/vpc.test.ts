import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

type Resolver = { resolveVariable(name: string): Promise<string> };

const networkOf: (resolver: Resolver) => Promise<unknown> = createRequire(import.meta.url)(
  '../../deploy/vpc.cjs',
);

const networkBy = (params: Readonly<Record<string, string>>) =>
  networkOf({ resolveVariable: async (name) => params[name.replace('param:', '')] ?? '' });

describe('the network of a deployment', () => {
  it('is none of its own unless one is named', async () => {
    expect(await networkBy({})).toBe(null);
  });

  it('is the VPC of the subnets and security groups that are named', async () => {
    const network = await networkBy({ vpcSubnetIds: 'subnet-1, subnet-2', vpcSecurityGroupIds: 'sg-1' });
    expect(network).toEqual({ subnetIds: ['subnet-1', 'subnet-2'], securityGroupIds: ['sg-1'] });
  });

  it('is refused when only half of it is named', async () => {
    await expect(networkBy({ vpcSubnetIds: 'subnet-1' })).rejects.toThrow('together');
  });
});
