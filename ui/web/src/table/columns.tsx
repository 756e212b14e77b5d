// Chooses the table's columns.

import { chosenColumns, columns, go } from '../state';
import { Icon } from '../icons';
import { Menu } from '../menu';

export function ColumnChooser() {
  const chosen = chosenColumns.value.map(({ name }) => name);
  const set = (names: string[]) => go({ columns: names }, true);
  const toggle = (name: string) => {
    // New ones stand where they stand among all.
    const wanted = new Set(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
    if (wanted.size) set(columns.value.filter(({ name }) => wanted.has(name)).map(({ name }) => name));
  };
  return (
    <Menu look="quiet" title="Columns" right label={<><Icon name="columns" /> Columns</>}>
      <legend class="hidden">Columns of the table</legend>
      <button class="small" onClick={() => set([])}>
        Default columns
      </button>
      {columns.value.map(({ name, help }) => (
        <label key={name} title={help}>
          <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
          <span>{name}</span>
          <small>{help}</small>
        </label>
      ))}
    </Menu>
  );
}
