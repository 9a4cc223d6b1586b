// A single-page app in miniature: each route has a heading, a sentence, and perhaps an embed, which is destroyed with the route.

const site = '{{site}}';
const routes = {
  '#/': {
    title: 'Feedback',
    lead: 'A form that lives as long as this route.',
    embed: { moduleId: '{{feedback}}', type: 'inline' },
  },
  '#/hello': {
    title: 'Hello',
    lead: 'The form is gone: its frame, its listeners, everything.',
    embed: { moduleId: '{{hello}}', type: 'inline', height: '220px' },
  },
  '#/chat': {
    title: 'Chat',
    lead: 'The launcher in the corner belongs to this route.',
    embed: { moduleId: '{{chat}}', type: 'widget' },
  },
  '#/nothing': { title: 'Nothing', lead: 'No embed here, and nothing left of the last one.' },
};

const main = document.querySelector('main');
let current;

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function show() {
  const path = location.hash in routes ? location.hash : '#/';
  const { title, lead, embed } = routes[path];
  current?.destroy();
  current = undefined;

  const heading = element('h1', { textContent: title, tabIndex: -1 });
  const container = element('div', { className: embed?.type === 'inline' ? 'embed' : '' });
  main.replaceChildren(heading, element('p', { className: 'lead', textContent: lead }), container);
  if (embed) {
    Dramac('ready', () => {
      // The visitor may have left the route while the SDK was loading.
      if (container.isConnected) current = Dramac.embed({ siteId: site, theme: 'auto', container, ...embed });
    });
  }

  document.title = `${title} · Single-page app`;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === path) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  return heading;
}

// Calls are queued until the loader has loaded.
window.Dramac = window.Dramac || function () { (Dramac.q = Dramac.q || []).push(arguments); };
show();
// Moving the focus to the heading announces the new route.
addEventListener('hashchange', () => show().focus());
