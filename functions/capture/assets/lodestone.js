/* Lodestone: <script src=".../lodestone.js" defer></script> and data-lodestone on the form. No cookie. Where anything fails, the form is
   an ordinary form. Events: lodestone:success, lodestone:error. */
// Served without these comments and without indentation.
(() => {
  // A counted link of a mail leads here with a word behind the # that no server sees. It is told to Lodestone when a person presses
  // something, and not sooner than people read: what only runs scripts and scrolls says nothing.
  const [fragment, token, page] = location.hash.match(/^#lodestone=([\w.-]+)~([\w.-]+)$/) || [], from = document.currentScript?.src;
  if (fragment && from) {
    const begun = performance.now(), gestures = ['pointerdown', 'keydown'], each = (what) => gestures.forEach((name) => what(name, count));
    const count = (event) => {
      if (!event.isTrusted) return;
      each(removeEventListener);
      setTimeout(
        () => fetch(new URL('/t/' + token, from), { method: 'POST', body: new URLSearchParams({ page }), mode: 'no-cors', keepalive: true }).catch(() => {}),
        2100 - performance.now() + begun,
      );
    };
    each(addEventListener);
    history.replaceState(history.state, '', location.pathname + location.search);
  }

  const FORM = 'form[data-lodestone]', STORE = 'lodestone', CAMPAIGN =
    /^((utm|mtm|pk)_\w+|\w*cl(k|ick)?id|[gw]braid|gclsrc|li_fat_id|epik|rdt_cid|sccid|mc_cid|_hsmi)$/i;
  const state = new WeakMap(), of = (form) => state.get(form) || state.set(form, {}).get(form);

  // Where the visit began: kept for this tab only.
  let first = {};
  try {
    first = JSON.parse(sessionStorage.getItem(STORE)) || {};
    if (!first.landing_page) {
      for (const [name, value] of new URLSearchParams(location.search)) if (CAMPAIGN.test(name)) first[name] = value;
      first.landing_page = location.origin + location.pathname;
      if (document.referrer && new URL(document.referrer).origin !== location.origin) first.referrer = document.referrer;
      sessionStorage.setItem(STORE, JSON.stringify(first));
    }
  } catch {}

  const to = (form) => new URL(form.getAttribute('action'), document.baseURI).href;
  const put = (form, name, value, over) => {
    let field = form.elements[name];
    if (!field) {
      field = form.appendChild(document.createElement('input'));
      field.type = 'hidden';
      field.name = name;
    }
    if (field.type == 'hidden' && (over || !field.value)) field.value = value;
  };

  const random = () => crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].join('-');
  const hex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

  // Altcha proof of work: try counters until the derived key begins as asked.
  const solve = async (challenge) => {
    const p = challenge.parameters, nonce = hex(p.nonce), word = new Uint8Array(nonce.length + 4), view = new DataView(word.buffer);
    word.set(nonce);
    for (let counter = 0; ; counter++) {
      view.setUint32(nonce.length, counter);
      const key = await crypto.subtle.importKey('raw', word, 'PBKDF2', false, ['deriveBits']);
      const bits = await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: hex(p.salt), iterations: p.cost }, key, p.keyLength * 8);
      const derivedKey = [...new Uint8Array(bits)].map((byte) => byte.toString(16).padStart(2, 0)).join('');
      if (derivedKey.startsWith(p.keyPrefix))
        return btoa(JSON.stringify({ challenge: { parameters: p, signature: challenge.signature }, solution: { counter, derivedKey } }));
    }
  };

  // A ticket says when the form was begun, and that this post is the same one however often it is sent.
  const ticket = async (form) => {
    try {
      // No person is done in two seconds, and the server knows it.
      const [answer] = await Promise.all([
        fetch(to(form) + '/challenge', { signal: AbortSignal.timeout(5000) }).then((response) => response.json()),
        new Promise((done) => setTimeout(done, 2100)),
      ]);
      return { nonce: answer.nonce || random(), proof: answer.parameters && (await solve(answer)) };
    } catch {
      return { nonce: random() };
    }
  };
  const begin = (form) => (of(form).ticket ||= ticket(form));

  const mend = (field) => {
    const note = field.id && document.getElementById(field.id + '-problem');
    if (!note) return;
    note.remove();
    field.removeAttribute('aria-invalid');
    const rest = (field.getAttribute('aria-describedby') || '').replace(note.id, '').trim();
    if (rest) field.setAttribute('aria-describedby', rest);
    else field.removeAttribute('aria-describedby');
  };

  const say = (form, text, role) => {
    let box = form.querySelector('.lodestone-message');
    if (!box) {
      box = document.createElement('p');
      box.className = 'lodestone-message';
      box.tabIndex = -1;
      form.prepend(box);
    }
    box.setAttribute('role', role || 'alert');
    box.textContent = text;
    return box;
  };

  const show = (form, errors, fallback) => {
    let target;
    const others = [];
    for (const { field: name, message } of errors) {
      let field = name && form.elements[name];
      if (field && field.length && !field.options) field = field[0];
      if (!field || field.type == 'hidden') {
        others.push(message);
        continue;
      }
      mend(field);
      field.id ||= 'lodestone-' + random();
      const label = field.labels && field.labels[0];
      const called = label && [...label.childNodes].map((node) => node.nodeType == 3 && node.data.trim()).find(Boolean);
      const note = document.createElement('span');
      note.id = field.id + '-problem';
      note.className = 'lodestone-problem';
      note.textContent = (called && called.length < 50 ? called + ' ' : '') + message;
      field.setAttribute('aria-invalid', 'true');
      field.setAttribute('aria-describedby', (note.id + ' ' + (field.getAttribute('aria-describedby') || '')).trim());
      (field.matches('[type=checkbox],[type=radio]') && label ? label : field).after(note);
      target ||= field;
    }
    if (others.length || !target) target = say(form, others.join(' ') || fallback);
    target.focus();
  };

  const send = async (form, submitter) => {
    const mine = of(form);
    for (const name in first) put(form, name, first[name]);
    put(form, 'page_url', location.href, true);
    const data = new URLSearchParams(new FormData(form, submitter));
    data.delete('_nonce');
    data.delete('altcha');
    // Changed since it was last sent: another submission.
    if (mine.sent && mine.sent != data) mine.ticket = 0;
    mine.sent = String(data);
    const { nonce, proof } = await begin(form);
    put(form, '_nonce', nonce, true);
    data.set('_nonce', nonce);
    if (proof) {
      put(form, 'altcha', proof, true);
      data.set('altcha', proof);
    }
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(to(form), {
          method: 'POST',
          body: data,
          headers: { Accept: 'application/json', 'Idempotency-Key': nonce },
          signal: AbortSignal.timeout(15000),
        });
        if (response.status > 499 && !attempt) continue;
        return { status: response.status, answer: await response.json() };
      } catch (error) {
        if (attempt) throw error;
      }
    }
  };

  const plain = (form) => HTMLFormElement.prototype.submit.call(form);
  const tell = (form, name, detail) => form.dispatchEvent(new CustomEvent('lodestone:' + name, { bubbles: true, cancelable: true, detail }));

  document.addEventListener('focusin', (event) => {
    const form = event.target.form;
    if (form && form.matches(FORM)) begin(form);
  });
  document.addEventListener('input', (event) => mend(event.target));
  document.addEventListener('submit', async (event) => {
    const form = event.target, mine = of(form);
    if (!form.matches(FORM) || event.defaultPrevented) return;
    event.preventDefault();
    if (mine.busy) return;
    mine.busy = true;
    form.setAttribute('aria-busy', 'true');
    form.querySelectorAll('[aria-invalid]').forEach(mend);
    form.querySelectorAll('.lodestone-message').forEach((box) => box.remove());
    try {
      const { status, answer } = await send(form, event.submitter);
      if (answer.ok) {
        mine.ticket = mine.sent = 0;
        if (!tell(form, 'success', answer)) return;
        if (form.dataset.lodestone != 'stay') return location.assign(answer.next);
        form.reset();
        say(form, answer.message, 'status').focus();
      } else if (status == 422 || status == 429 || status == 503) {
        mine.sent = 0;
        if (tell(form, 'error', answer)) show(form, answer.errors, answer.error);
      } else plain(form);
    } catch {
      plain(form);
    } finally {
      mine.busy = false;
      form.removeAttribute('aria-busy');
    }
  });
})();
