// Chooses a time: the last minutes or hours, or from and to.

import { useState } from 'preact/hooks';
import { Menu } from '../menu';
import { momentText, readMoment } from '../moment';
import { go, status, view } from '../state';
import { begin, duration } from '../times';
import { zoneName } from '../zone';

const LAST = [
  ['5m', 'Last 5 minutes'],
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['6h', 'Last 6 hours'],
  ['24h', 'Last day'],
] as const;

/** A time to type: `02:40`, `2026-01-02 02:40`, `-15m`, RFC 3339. */
function Moment({ name }: { name: 'since' | 'until' }) {
  const [wrong, setWrong] = useState(false);
  const text = view.value[name];
  const time = begin(text, Date.now());
  // What moves with the present stays as it was written.
  const shown = duration(text) !== null ? `-${text}` : time === null ? text : momentText(time);
  const title = name === 'since' ? 'From' : 'Until';
  const id = `time-${name}`;
  return (
    <label>
      {title} ({zoneName(time ?? Date.now())})
      <input
        type="text"
        placeholder="02:40 or -15m"
        spellcheck={false}
        autocomplete="off"
        value={shown}
        aria-invalid={wrong}
        aria-describedby={wrong ? id : undefined}
        onInput={() => setWrong(false)}
        onChange={(event) => {
          const written = event.currentTarget.value.trim();
          const ago = written.replace(/^-/, '');
          const chosen = readMoment(written, Date.now(), 'past');
          setWrong(written !== '' && chosen === null);
          if (written === '') go({ [name]: '' });
          else if (duration(ago) !== null) go({ [name]: ago });
          else if (chosen !== null) go({ [name]: String(chosen) });
        }}
      />
      {wrong && (
        <span class="error-text small-text" id={id} role="alert">
          Not a time: write 02:40, 2026-01-02 02:40, -15m
        </span>
      )}
    </label>
  );
}

export function TimesMenu() {
  const { since, until } = view.value;
  const label = LAST.find(([text]) => text === since && !until)?.[1] ?? (since || until ? 'Custom range' : 'All times');
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
      <Moment name="since" />
      <Moment name="until" />
      {status.value?.held.older === 'more' && <p class="quiet-text small-text">Earlier times are fetched from the servers.</p>}
    </Menu>
  );
}
