// Every key, on one sheet.

import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icons';
import { SHORTCUTS } from './keys';

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="help" ref={dialog} onClose={onClose} aria-labelledby="help-title">
      <header>
        <h2 id="help-title">Keyboard shortcuts</h2>
        <button class="quiet" onClick={onClose} aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      <div class="sheet">
        {Object.entries(SHORTCUTS).map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {Object.entries(keys).map(([keys, does]) => (
                <div key={keys}>
                  <dt>
                    {keys.split(' ').filter(Boolean).map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="quiet-text">
        Filters are expressions such as <code>verdict == DROPPED and dst.port in {'{53, 443}'}</code>. The address holds
        all that is looked at: copy it to show somebody the same.
      </p>
    </dialog>
  );
}
