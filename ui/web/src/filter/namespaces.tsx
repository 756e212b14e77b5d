// Chooses namespaces: the map and the table then show what these talk to.

import { computed } from '@preact/signals';
import { go, map, view } from '../state';
import { Menu } from '../menu';

/** Those that were seen on a map, and those that are chosen. */
const known = new Set<string>();
const names = computed(() => {
  for (const node of map.value?.nodes ?? []) if (node.namespace) known.add(node.namespace);
  return [...new Set([...known, ...view.value.namespaces])].sort();
});

export function Namespaces() {
  const chosen = view.value.namespaces;
  const label = chosen.length === 0 ? 'All namespaces' : chosen.length === 1 ? chosen[0] : `${chosen.length} namespaces`;
  const toggle = (name: string) =>
    go({ namespaces: chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name] });
  return (
    <Menu label={label} look={`toggle${chosen.length ? ' on' : ''}`}>
      <legend class="hidden">Namespaces</legend>
      <label>
        <input type="checkbox" checked={chosen.length === 0} onChange={() => go({ namespaces: [] })} />
        All namespaces
      </label>
      <hr />
      {names.value.map((name) => (
        <label key={name}>
          <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
          {name}
        </label>
      ))}
      {names.value.length === 0 && <p class="quiet-text">None seen yet</p>}
    </Menu>
  );
}
