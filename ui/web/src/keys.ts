// Shortcuts: one key each, not while something is typed.

/** For the help, by where they work; what each key does is implemented where it is handled. */
export const SHORTCUTS: Record<string, Record<string, string>> = {
  Everywhere: {
    '/': 'Type a filter',
    Space: 'Pause or resume',
    d: 'Show only what was dropped, or all',
    e: 'Connections or events in the table',
    c: 'Clear all filters',
    '1 2 3 4 5 6': 'Overview, map, flows, denied, nodes, policies',
    y: 'Editor: write policies, and see what they would change',
    u: 'Times in UTC or in your time zone',
    t: 'Dark, light or system theme',
    '?': 'This help',
    Esc: 'Close the open panel',
  },
  'In the table': {
    '↑ ↓  j k': 'Next and previous row',
    'PgUp PgDn Home End': 'Scroll by a page, or to an end',
    i: 'Filter by a cell of the selected row',
  },
  'On the time axis': {
    '← →': 'Move the cursor',
    'Shift ← →': 'Select a time range',
    Enter: 'Show only the selected time range',
  },
  'In the editor': {
    'Ctrl ]': 'Indent the selected lines',
    'Ctrl [': 'Indent them less',
    Tab: 'Leave the field',
  },
  'On the map': {
    Tab: 'Next workload',
    Enter: 'Filter by the workload, or expand the namespace',
    w: 'The page of the workload',
    '+ −  0': 'Zoom in, zoom out, fit to view',
  },
};

/** Whether a key goes into a field. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
