// Saves what the table shows as a file.

import { useRef } from 'preact/hooks';
import { address, download, needsToken, said, type Params } from '../api';
import { counted } from '../format';
import { Menu } from '../menu';
import { noun, tell } from '../state';

const FORMS = [
  { format: 'json', name: 'JSON lines', help: 'for flows observe --input-file, flows top, flows-ui' },
  { format: 'csv', name: 'CSV', help: 'the columns of the table' },
] as const;

export function Export({ flows, params }: { flows: number; params: Params }) {
  const details = useRef<HTMLDetailsElement>(null);
  const save = (event: Event, format: string) => {
    if (details.current) details.current.open = false;
    // Where no token is wanted, the browser does it by itself, however much it is.
    if (!needsToken()) return;
    event.preventDefault();
    download('/api/export', { ...params, format }).catch((error: unknown) => tell(`Not saved: ${said(error)}`));
  };
  return (
    <Menu look="quiet" title={`Save the ${noun.value}s shown`} right element={details} label="Export">
      <legend class="hidden">Save what is shown</legend>
      <p class="quiet-text small-text">{counted(flows, noun.value)}</p>
      {FORMS.map(({ format, name, help }) => (
        <a key={format} class="choice" href={address('/api/export', { ...params, format })} download onClick={(event) => save(event, format)}>
          {name} <small>{help}</small>
        </a>
      ))}
    </Menu>
  );
}
