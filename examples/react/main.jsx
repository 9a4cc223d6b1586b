import { load } from '@dramac/embed'
import { DramacEmbed } from '@dramac/embed/react'
import { StrictMode, useRef, useState } from 'react'
import { createRoot } from 'react-dom/client'

load({ src: '{{server}}/v1/embed.js' })

function App() {
  const form = useRef(null)
  const [shown, setShown] = useState(true)
  const [theme, setTheme] = useState('light')
  const [rating, setRating] = useState(4)
  const [said, setSaid] = useState([])
  const say = (text) => setSaid((before) => [...before, text])

  return (
    <>
      <h1>Feedback</h1>
      {shown && (
        <DramacEmbed
          ref={form}
          siteId="{{site}}"
          moduleId="{{feedback}}"
          type="inline"
          theme={theme}
          params={{ rating }}
          onReady={() => say('ready')}
          onError={(error) => say(`error: ${error.code}`)}
          onMessage={({ type, payload }) => type === 'feedback:submitted' && say(`${payload.rating} stars`)}
        />
      )}
      <button type="button" id="theme" onClick={() => setTheme(theme === 'light' ? 'dark' : 'light')}>Theme</button>
      <button type="button" id="rating" onClick={() => setRating(rating - 1)}>One star less</button>
      <button type="button" id="reset" onClick={() => form.current?.send('reset')}>Reset</button>
      <button type="button" id="shown" onClick={() => setShown(!shown)}>{shown ? 'Take it away' : 'Bring it back'}</button>
      <ul id="said">{said.map((text, at) => <li key={at}>{text}</li>)}</ul>
    </>
  )
}

createRoot(document.querySelector('#root')).render(<StrictMode><App /></StrictMode>)
