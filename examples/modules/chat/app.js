// A chat with a scripted bot, in a panel that can be closed: messages that arrive meanwhile are counted on the launcher, and
// opening the panel marks them as read.

const { module } = Dramac;
const log = document.querySelector('#log');
const writing = document.querySelector('#writing');
const questions = document.querySelector('#questions');
const form = document.querySelector('form');
const text = document.querySelector('#text');

const answers = [
  [/\b(person|human|bot|real)\b/i, 'No, I am a script of a few lines. I look for a word that I know and answer with the line beside it.'],
  [/\b(embed|website|snippet|install)\b/i, 'Paste one script tag into your page and name this module. The source of this page shows how.'],
  [/\b(read|private|privacy|data|cookie)/i, 'Nobody: what you write stays in this frame. It is not stored, and it is gone when the page is.'],
  [/\b(hi|hello|hey|good (morning|evening))\b/i, 'Hello! Ask me how to embed this chat, or who can read it.'],
];
const otherwise = 'I have no answer to that. A person would; I only know about embedding, privacy and myself.';

const messages = [];
let open = false;
let unread = 0;

function say(who, words) {
  messages.push({ who, text: words });
  const line = document.createElement('p');
  line.className = who;
  const speaker = document.createElement('span');
  speaker.className = 'unseen';
  speaker.textContent = who === 'bot' ? 'Bot: ' : 'You: ';
  line.append(speaker, words);
  log.append(line);
  log.scrollTop = log.scrollHeight;
  if (who === 'bot' && !open) module.badge(++unread);
}

function ask(question) {
  say('visitor', question);
  module.emit('chat:message', { text: question });
  questions.hidden = true;
  writing.hidden = false;
  setTimeout(() => {
    writing.hidden = true;
    const [, answer] = answers.find(([known]) => known.test(question)) ?? [null, otherwise];
    say('bot', answer);
  }, 900);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const question = text.value.trim();
  form.reset();
  if (question) ask(question);
});
questions.addEventListener('click', ({ target }) => {
  if (!target.matches('button')) return;
  text.focus(); // Before the button that holds the focus goes away.
  ask(target.textContent);
});
document.querySelector('#close').addEventListener('click', () => module.close());

module.on('open', () => {
  open = true;
  unread = 0;
  module.badge(0);
  text.focus();
});
module.on('close', () => {
  open = false;
});

// The page can call `handle.send('say', {text})`, `await handle.request('transcript')`.
module.on('say', ({ text: words }) => say('bot', String(words)));
module.handle('transcript', () => messages);

say('bot', 'Hello! I am a demo bot. Ask me something, or pick a question.');
