// The bridge without module.js: window messages `{type, payload}` between this frame and its page only.

// The address says whose frame this is: /embed/{moduleId}/~{siteId}~{theme}~{type}~{scheme}~{host}/
const [, , theme, type, scheme, host] = location.pathname.split('/')[3].split('~');
// The page's origin, for sending and receiving.
const page = `${scheme}://${host}`;
const post = (type, payload) => parent.postMessage({ type, payload }, page);

function follow(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

addEventListener('message', ({ source, origin, data }) => {
  // Any window can post to any other, so messages from elsewhere are ignored.
  if (source !== parent || origin !== page) return;
  if (data?.type === 'dramac:theme') follow(data.payload.theme);
  if (data?.type === 'dramac:greet') document.querySelector('#name').textContent = data.payload.name;
});

let waves = 0;
document.querySelector('#wave').addEventListener('click', () => {
  waves += 1;
  document.querySelector('#waves').textContent = `Waved ${waves === 1 ? 'once' : `${waves} times`}.`;
  post('hello:wave', { waves });
});

const close = document.querySelector('#close');
close.hidden = type === 'inline';
close.addEventListener('click', () => post('dramac:close'));

follow(theme);
post('dramac:ready');
new ResizeObserver(() => {
  post('dramac:resize', { height: Math.ceil(document.body.getBoundingClientRect().height) });
}).observe(document.body);
