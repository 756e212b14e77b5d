import { expect, it } from 'vitest';
import { withRule } from './rule';

const RULE = '- fromEndpoints:\n  - matchLabels:\n      app: b\n';
const added = (pad: string) => RULE.trimEnd().split('\n').map((line) => pad + line).join('\n');

it('puts a rule at the front of the list, as the others stand', () => {
  const policy = `kind: CiliumNetworkPolicy
spec:
  # Who may.
  endpointSelector: {}
  ingress: # Clients.
    - fromEndpoints:
        - {}
  egress: []
`;
  expect(withRule(policy, 'spec', 'ingress', RULE)).toBe(policy.replace('# Clients.\n', `# Clients.\n${added('    ')}\n`));
  expect(withRule(policy, 'spec', 'egress', RULE)).toBe(policy.replace('egress: []', `egress:\n${added('    ')}`));
});

it('finds lists that stand as far left as their key, and one of several specs', () => {
  const policy = `specs:
- endpointSelector: {}
  ingress:
  - fromEntities: [world]
- ingress:
  - {}
  endpointSelector: {}
kind: x
`;
  expect(withRule(policy, 'specs[0]', 'ingress', RULE)).toBe(policy.replace('  ingress:\n', `  ingress:\n${added('  ')}\n`));
  expect(withRule(policy, 'specs[1]', 'ingress', RULE)).toBe(policy.replace('- ingress:\n', `- ingress:\n${added('  ')}\n`));
  expect(withRule(policy, 'specs[2]', 'ingress', RULE)).toBeNull();
});

it('takes no key of another place, and nothing in braces', () => {
  expect(withRule('spec:\n  a:\n    ingress:\n    - b\n', 'spec', 'ingress', RULE)).toBeNull();
  expect(withRule('metadata:\n  ingress:\nspec:\n  ingress: [{}]\n', 'spec', 'ingress', RULE)).toBeNull();
  expect(withRule('spec: {ingress: []}\n', 'spec', 'ingress', RULE)).toBeNull();
  expect(withRule('', 'spec', 'ingress', RULE)).toBeNull();
});
