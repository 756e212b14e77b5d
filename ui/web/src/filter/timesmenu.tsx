// Chooses a time: the last minutes or hours, or from and to.

import { Menu } from '../menu';
import { go, status, view } from '../state';
import { begin, fromField, local } from '../times';
import { zoneName } from '../zone';

const LAST = [
  ['5m', 'Last 5 minutes'],
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['6h', 'Last 6 hours'],
  ['24h', 'Last day'],
] as const;

export function TimesMenu() {
  const { since, until } = view.value;
  const label = LAST.find(([text]) => text === since && !until)?.[1] ?? (since || until ? 'Custom range' : 'All times');
  const field = (name: 'since' | 'until') => {
    const time = begin(view.value[name], Date.now());
    return (
      <label>
        {name === 'since' ? 'From' : 'Until'} ({zoneName(time ?? Date.now())})
        <input
          type="datetime-local"
          step={1}
          value={time === null ? '' : local(time)}
          onChange={(event) => {
            const chosen = fromField(event.currentTarget.value);
            go({ [name]: Number.isNaN(chosen) ? '' : String(chosen) });
          }}
        />
      </label>
    );
  };
  return (
    <Menu label={label} look={`toggle${since || until ? ' on' : ''}`}>
      <legend class="hidden">Time</legend>
      <label>
        <input type="radio" name="last" checked={!since && !until} onChange={() => go({ since: '', until: '' })} />
        All flows in memory
      </label>
      {LAST.map(([text, name]) => (
        <label key={text}>
          <input type="radio" name="last" checked={since === text && !until} onChange={() => go({ since: text, until: '' })} />
          {name}
        </label>
      ))}
      <hr />
      {field('since')}
      {field('until')}
      {status.value?.held.older === 'more' && <p class="quiet-text small-text">Earlier times are fetched from the servers.</p>}
    </Menu>
  );
}
