// How the list of policies is sorted.

export interface Column {
  /** As the API names it. */
  name: string;
  title: string;
  about: string;
  /** A number: the greatest comes first. */
  number?: boolean;
}

export const COLUMNS: readonly Column[] = [
  { name: 'policy', title: 'Policy', about: 'Kind, namespace and name' },
  { name: 'state', title: 'State', about: 'Whether it is in force; the worst first', number: true },
  { name: 'pods', title: 'Selects', about: 'Pods that it selects', number: true },
  { name: 'decisions', title: 'Decisions', about: 'What its rules decided since the nodes have them', number: true },
  { name: 'rate', title: 'Rate', about: 'Decisions per second, lately', number: true },
  { name: 'open', title: 'Open', about: 'Connections that it allowed and that are open', number: true },
  { name: 'last', title: 'Last hit', about: 'The last connection in memory that it decided', number: true },
  { name: 'never_hit', title: 'Never hit', about: 'Rules that never decided, of all its rules', number: true },
];

export const DEFAULT_ORDER = 'policy';

/** What a click on a heading makes of an order. */
export function reordered(order: string, { name, number }: Column): string {
  const first = number ? `-${name}` : name;
  if (order.replace(/^-/, '') !== name) return first;
  return order.startsWith('-') ? name : `-${name}`;
}

/** What a heading tells a screen reader. */
export function sorted(order: string, name: string): 'ascending' | 'descending' | undefined {
  if (order.replace(/^-/, '') !== name) return undefined;
  return order.startsWith('-') ? 'descending' : 'ascending';
}
