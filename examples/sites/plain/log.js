/** Adds an event to the page's log, newest first. */
function log(what, detail) {
  const line = document.createElement('p');
  line.textContent = detail === undefined ? what : `${what} ${JSON.stringify(detail)}`;
  document.querySelector('#log').prepend(line);
}
