// Asks for the token, where the server wants one.

import { useEffect, useRef } from 'preact/hooks';
import { setToken, tokenWrong } from './api';

export function SignIn() {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="signin" ref={dialog} aria-labelledby="signin-title" onCancel={(event) => event.preventDefault()}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = field.current?.value.trim();
          if (token) setToken(token);
        }}
      >
        <h2 id="signin-title">This server requires a token</h2>
        <p>It was started with --token-file: the token is in that file. This tab keeps it until it is closed.</p>
        <label>
          Token
          <input ref={field} aria-invalid={tokenWrong.value} type="password" autocomplete="current-password" required />
        </label>
        {tokenWrong.value && (
          <p class="error-text" role="alert">
            Wrong token.
          </p>
        )}
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </dialog>
  );
}
