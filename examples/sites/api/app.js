// A page that reads a module's records with a token. A token in a page is public: this one can only read, and only
// from this website (`--scopes read --allowed-domains …`).

const { server, module, token } = document.currentScript.dataset;
const list = document.querySelector('#entries');
const more = document.querySelector('#more');
const problem = document.querySelector('#problem');
let sort = '-createdAt';
let next = null;

async function read(cursor) {
  const query = new URLSearchParams({ sort, limit: '10', ...(cursor && { cursor }) });
  const response = await fetch(`${server}/api/v1/modules/${module}/records/entries?${query}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

function item({ data, createdAt }) {
  const entry = document.createElement('li');
  const stars = document.createElement('strong');
  stars.textContent = `${data.rating} of 5`;
  const when = document.createElement('time');
  when.dateTime = createdAt;
  when.textContent = new Date(createdAt).toLocaleString();
  const comment = document.createElement('p');
  comment.textContent = data.comment;
  entry.append(stars, ' ', when, comment);
  return entry;
}

async function show(cursor) {
  problem.textContent = '';
  try {
    const { data, nextCursor } = await read(cursor);
    if (!cursor) list.replaceChildren();
    list.append(...data.map(item));
    next = nextCursor;
    more.hidden = !next;
  } catch (error) {
    problem.textContent = `The entries could not be read. ${error.message}`;
  }
}

for (const [id, order] of [['newest', '-createdAt'], ['worst', 'rating']]) {
  document.querySelector(`#${id}`).addEventListener('click', ({ currentTarget }) => {
    for (const button of document.querySelectorAll('[aria-pressed]')) {
      button.setAttribute('aria-pressed', String(button === currentTarget));
    }
    sort = order;
    show();
  });
}
more.addEventListener('click', () => show(next));

// Events of the form are DOM events of its element.
document.querySelector('.embed').addEventListener('feedback:submitted', () => show());
show();
