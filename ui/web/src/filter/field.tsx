// The field for an expression: says what could come next while one types, and where it is wrong.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../api';
import type { Completion, ExpressionError } from '../openapi';
import { Icon } from '../icons';
import { byteLength, charAt, insert } from './text';

interface Props {
  id: string;
  /** Hands out how to put a text into the field. */
  bind: (fill: (text: string) => void) => void;
  onAdd: (text: string) => void;
  /** Backspace in the empty field. */
  onBack: () => void;
}

export function Field({ id, bind, onAdd, onBack }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState('');
  const [cursor, setCursor] = useState(0);
  const [offers, setOffers] = useState<Completion[]>([]);
  const [choice, setChoice] = useState(-1);
  const [error, setError] = useState<ExpressionError | null>(null);
  const [focused, setFocused] = useState(false);
  /** What was written is applied: nothing is offered before something is asked for again. */
  const [quiet, setQuiet] = useState(false);

  bind((next) => {
    setText(next);
    setCursor(next.length);
    queueMicrotask(() => {
      field.current?.focus();
      field.current?.setSelectionRange(next.length, next.length);
    });
  });

  useEffect(() => {
    if (!focused || quiet) return;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const at = byteLength(text.slice(0, cursor));
        const [{ completions }, check] = await Promise.all([
          ask('/api/complete', { filter: text || ' ', cursor: at }, abort.signal),
          text.trim() ? ask('/api/check', { filter: text }, abort.signal) : { error: undefined },
        ]);
        setOffers(completions.slice(0, 12));
        setChoice(-1);
        // What is not finished isn't wrong yet: only what is wrong before its end is said while typing.
        const wrong = check.error && check.error.column <= text.trimEnd().length ? check.error : null;
        setError(wrong);
      } catch {
        setOffers([]);
      }
    }, 80);
    return () => (clearTimeout(timer), abort.abort());
  }, [text, cursor, focused, quiet]);

  const take = (offer: Completion) => {
    const next = insert(text, offer);
    setText(next.text);
    setCursor(next.cursor);
    // What was offered is of the text before: Enter must not take it once more.
    setOffers([]);
    setChoice(-1);
    queueMicrotask(() => field.current?.setSelectionRange(next.cursor, next.cursor));
  };

  const add = async () => {
    const expression = text.trim();
    if (!expression) return;
    try {
      const { error } = await ask('/api/check', { filter: expression });
      if (error) return setError(error);
      setText('');
      setCursor(0);
      setOffers([]);
      setQuiet(true);
      setError(null);
      onAdd(expression);
    } catch (failure) {
      setError({ filter: 0, column: 1, length: 1, message: String(failure) });
    }
  };

  const onKey = (event: KeyboardEvent) => {
    const count = offers.length;
    if (event.key === 'ArrowDown' && quiet) setQuiet(false);
    else if (event.key === 'ArrowDown' && count) setChoice((choice + 1) % count);
    else if (event.key === 'ArrowUp' && count) setChoice(choice <= 0 ? count - 1 : choice - 1);
    else if ((event.key === 'Tab' || event.key === 'Enter') && choice >= 0 && offers[choice]) take(offers[choice]);
    else if (event.key === 'Tab' && !event.shiftKey && count && text && offers[0]) take(offers[0]);
    else if (event.key === 'Enter') void add();
    else if (event.key === 'Escape') {
      // What is offered for nothing is in nobody's way: an empty field is left at once.
      if (offers.length && text) (setOffers([]), setQuiet(true));
      else field.current?.blur();
    } else if (event.key === 'Backspace' && !text) onBack();
    else return;
    event.preventDefault();
  };

  const open = focused && offers.length > 0;
  return (
    <div class="field">
      <input
        id={id}
        ref={field}
        class={error ? 'wrong' : ''}
        value={text}
        type="text"
        role="combobox"
        placeholder="Filter: src.pod ~ &quot;shop/*&quot; and dst.port in {53, 443}"
        aria-label="Filter expression"
        aria-expanded={open}
        aria-controls="offers"
        aria-autocomplete="list"
        aria-invalid={error !== null}
        aria-describedby={error ? 'filter-error' : undefined}
        aria-activedescendant={open && choice >= 0 ? `offer-${choice}` : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={(event) => {
          setQuiet(false);
          setText(event.currentTarget.value);
          setCursor(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
          setError(null);
        }}
        onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
        onKeyDown={onKey}
        onFocus={() => setFocused(true)}
        onBlur={() => (setFocused(false), setQuiet(false))}
      />
      {!focused && !text && <kbd class="hint" aria-hidden="true">/</kbd>}
      {error && (
        <div class="complaint" id="filter-error" role="alert">
          {/* The field's letters all have one width: so many of them lead to the place. */}
          <code class="under" aria-hidden="true">
            {' '.repeat(Math.max(0, error.column - 1))}
            {'^'.repeat(Math.max(1, error.length))}
          </code>
          <span>
            <span class="hidden">Column {error.column}: </span>
            {error.message}
            {error.suggestion && <em> {error.suggestion}</em>}
          </span>
        </div>
      )}
      {open && (
        <ul class={`offers${error ? ' below' : ''}`} id="offers" role="listbox" aria-label="Completions">
          {offers.map((offer, index) => (
            <li
              key={`${offer.kind} ${offer.label}`}
              id={`offer-${index}`}
              role="option"
              aria-selected={index === choice}
              // Not click: the field would lose its focus before.
              onPointerDown={(event) => (event.preventDefault(), take(offer))}
            >
              <span class={`kind ${offer.kind}`}>{offer.kind}</span>
              <code>{charAt(offer.label, 60)}</code>
              <span class="quiet-text" title={offer.detail}>{offer.detail}</span>
            </li>
          ))}
        </ul>
      )}
      {text && (
        <button class="quiet add" onClick={() => void add()} aria-label="Add this filter" title="Add (Enter)">
          <Icon name="plus" />
        </button>
      )}
    </div>
  );
}
