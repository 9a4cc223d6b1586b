// A form inside an iframe. module.js reports the document's height, so the frame grows when an error or a question is shown.

const { module } = Dramac;
const form = document.querySelector('form');
const followUp = document.querySelector('#follow-up');
const thanks = document.querySelector('#thanks');
const notSent = document.querySelector('#not-sent');
const fields = [...form.querySelectorAll('[data-error]')];
let submitted = false;

const complaint = (field) => document.getElementById(`${field.name}-error`);

function mark(field, message) {
  complaint(field).textContent = message;
  (field.closest('[role=radiogroup]') ?? field).setAttribute('aria-invalid', String(message !== ''));
}

/** Shows or hides a field's error; returns whether the field is valid. */
function check(field) {
  const { valid } = field.validity;
  mark(field, valid ? '' : field.dataset.error);
  return valid;
}

/** Asks what went wrong, but only after a low rating. A disabled field is not part of the form's data. */
function askFollowUp() {
  const rating = Number(form.elements.rating.value);
  followUp.hidden = followUp.disabled = !rating || rating > 3;
}

function show(sent) {
  submitted = sent;
  form.hidden = sent;
  thanks.hidden = !sent;
}

function reset() {
  form.reset();
  for (const field of fields) mark(field, '');
  askFollowUp();
  show(false);
}

form.addEventListener('input', ({ target }) => {
  askFollowUp();
  // Errors are shown on submit, and from then on updated while typing.
  const field = fields.find(({ name }) => name === target.name);
  if (field && complaint(field).textContent) check(field);
});

/** Stores an entry as a record of the module. The key makes it safe to send the entry again after a lost answer. */
async function store(entry) {
  const response = await module.api('records/entries', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
    body: JSON.stringify(entry),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const wrong = fields.filter((field) => !check(field));
  if (wrong.length > 0) return wrong[0].focus();
  const filled = [...new FormData(form)].filter(([, value]) => value !== '');
  const entry = { ...Object.fromEntries(filled), rating: Number(form.elements.rating.value) };
  const button = form.querySelector('button');
  button.disabled = true;
  notSent.textContent = '';
  try {
    await store(entry);
  } catch (error) {
    notSent.textContent = `Your feedback was not sent. ${error.message}`;
    return;
  } finally {
    button.disabled = false;
  }
  module.emit('feedback:submitted', entry);
  show(true);
  thanks.querySelector('h1').focus();
});

thanks.querySelector('button').addEventListener('click', () => {
  reset();
  form.elements.rating[0].focus();
});

// The page can prefill the form with `params: {rating: 4, email: 'ada@example.com'}`.
module.ready.then(({ params = {} }) => {
  for (const name of ['rating', 'comment', 'email']) {
    if (params[name] !== undefined) form.elements[name].value = params[name];
  }
  askFollowUp();
});

// The page can call `await handle.request('summary')`, `handle.send('reset')`.
module.handle('summary', () => ({
  rating: Number(form.elements.rating.value) || null,
  characters: form.elements.comment.value.length,
  submitted,
}));
module.on('reset', reset);
