// Starts the page.

import { render } from 'preact';
import './style/fonts.css';
import './style/base.css';
import './style/frame.css';
import './style/head.css';
import './style/filter.css';
import './style/axis.css';
import './style/table.css';
import './style/denied.css';
import './style/map.css';
import './style/matrix.css';
import './style/drawer.css';
import './style/dialog.css';
import './style/status.css';
import './style/narrow.css';
import './style/print.css';
import { App } from './app';
import { start } from './live';
import { paint } from './theme';

paint();
const root = document.getElementById('app');
if (root) {
  root.textContent = '';
  render(<App />, root);
}
start();
