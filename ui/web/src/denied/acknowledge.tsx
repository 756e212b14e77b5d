// That somebody knows of an incident: who, until when and why; to say it, and to take it back.

import { useState } from 'preact/hooks';
import { ApiError, said as words, send } from '../api';
import { stamp } from '../format';
import { momentText, readMoment } from '../moment';
import { status, tell } from '../state';
import type { Incident } from '../openapi';
import { west, zoneName } from '../zone';
import { byIncident, known, look } from './acknowledged';
import { endName, moment, said, type Until } from './incident';

/** Who says so, if nobody else tells: remembered by this browser. */
const NAME = 'flows-name';

function storedName(): string {
  try {
    return localStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}

function storeName(name: string): void {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // It is asked for again.
  }
}

const CHOICES: readonly (readonly [Until, string])[] = [
  ['1h', '1 hour'],
  ['8h', '8 hours'],
  ['tomorrow', 'Tomorrow 09:00'],
  ['date', 'Another time'],
];

/** What the incident is, in a line: kept with what is said. */
function about({ source, destination, port, why }: Incident): string {
  return [...`${endName(source)} -> ${endName(destination)}${/^\d/.test(port) ? `:${port}` : ` ${port}`}: ${why}`].slice(0, 120).join('');
}

function Form({ incident, withdraw, close }: { incident: Incident; withdraw: boolean; close: () => void }) {
  const user = status.value?.user;
  const [choice, setChoice] = useState<Until>('8h');
  const [date, setDate] = useState(() => momentText(moment('tomorrow', Date.now(), west)).slice(0, 16));
  const [reason, setReason] = useState(() => byIncident.peek().get(incident.id)?.reason ?? '');
  const [name, setName] = useState(storedName);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const now = Date.now();
    const until = withdraw ? undefined : choice === 'date' ? readMoment(date, now, 'future') : moment(choice, now, west);
    if (until === null) return setError('That is not a time: write 17:00, 2026-01-31 17:00 or 8h');
    if (until !== undefined && until <= now) return setError(`${stamp(until)} is in the past`);
    setBusy(true);
    try {
      const { acknowledgement, nodes, notes } = await send('/api/acknowledgements', {
        incident: incident.id,
        ...(until !== undefined && { until: Math.round(until) }),
        ...(user === undefined && { by: name.trim() }),
        reason: withdraw ? '' : reason.trim(),
        about: about(incident),
      });
      if (user === undefined) storeName(name.trim());
      const kept = `kept by ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`;
      tell([`${acknowledgement ? 'Acknowledged' : 'Not acknowledged any more'} (${kept})`, ...notes].join('; '));
      await look();
      close();
    } catch (error) {
      setBusy(false);
      setError(error instanceof ApiError ? error.message : `flows-ui is unreachable: ${words(error)}`);
    }
  };
  return (
    <form class="acknowledge" onSubmit={(event) => void submit(event)}>
      {!withdraw && (
        <fieldset>
          <legend>Until ({zoneName(Date.now())})</legend>
          {CHOICES.map(([value, text]) => (
            <label key={value}>
              <input type="radio" name="until" checked={choice === value} onChange={() => (setChoice(value), setError(''))} /> {text}
            </label>
          ))}
          {choice === 'date' && <input type="text" aria-label="Until: 17:00, 2026-01-31 17:00 or 8h" placeholder="17:00, 2026-01-31 17:00, 8h" value={date} onInput={(event) => setDate(event.currentTarget.value)} spellcheck={false} autocomplete="off" />}
        </fieldset>
      )}
      {!withdraw && (
        <label class="line">
          Note
          <input type="text" maxLength={300} value={reason} onInput={(event) => setReason(event.currentTarget.value)} placeholder="why it is left as it is" />
        </label>
      )}
      {user === undefined ? (
        <label class="line">
          Your name
          <input type="text" required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} autocomplete="name" />
        </label>
      ) : (
        <p class="quiet-text">As {user}.</p>
      )}
      {error && (
        <p class="error-text" role="alert">
          {error}
        </p>
      )}
      <p class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          {withdraw ? 'Withdraw' : 'Acknowledge'}
        </button>
        <button type="button" class="small" onClick={close}>
          Cancel
        </button>
      </p>
    </form>
  );
}

export function AcknowledgePanel({ incident }: { incident: Incident }) {
  const [form, setForm] = useState<'' | 'acknowledge' | 'withdraw'>('');
  const all = known.value;
  if (!all) return null;
  const one = byIncident.value.get(incident.id);
  return (
    <section class="known-panel">
      <h3>Acknowledged</h3>
      {!all.available && <p class="quiet-text">Not possible: {all.why}.</p>}
      {all.available && (
        <p class={one ? '' : 'quiet-text'}>
          {one ? `${said(one, Date.now())}.` : 'By nobody.'}
          {!all.writable && <span class="quiet-text"> It can't be changed here: {all.why_not}.</span>}
        </p>
      )}
      {all.notes.map((note) => (
        <p class="quiet-text small-text" key={note}>
          {note}
        </p>
      ))}
      {all.available && all.writable && form === '' && (
        <p class="buttons">
          <button class="small" onClick={() => setForm('acknowledge')}>
            {one ? 'Change…' : 'Acknowledge…'}
          </button>
          {one && (
            <button class="small" onClick={() => setForm('withdraw')}>
              Withdraw…
            </button>
          )}
          <span class="quiet-text small-text">Says that somebody knows of it; nothing of what is enforced changes.</span>
        </p>
      )}
      {form !== '' && <Form key={form} incident={incident} withdraw={form === 'withdraw'} close={() => setForm('')} />}
    </section>
  );
}
