'use client'
// One embed for as long as the component is mounted.
import { createElement, forwardRef, useEffect, useImperativeHandle, useRef, useState } from 'react'
import { load } from './index.js'

// A change of one of these creates another embed: the first three cannot change, and a frame reads the others only once.
const FIXED = ['siteId', 'moduleId', 'type', 'lazy', 'openOn', 'allow', 'sandbox']

const isPlain = (value) => value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype

// Components create new objects for each rendering, so objects are compared by their content.
const same = (one, other) => {
  if (Object.is(one, other)) return true
  if (one instanceof Date && other instanceof Date) return +one === +other
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((item, at) => same(item, other[at]))
  if (!isPlain(one) || !isPlain(other)) return false
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => name in other && same(one[name], other[name]))
}

const changes = (from, to) => {
  const changed = {}
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (!same(from[name], to[name])) changed[name] = to[name]
  }
  return changed
}

export const DramacEmbed = forwardRef(function DramacEmbed({ className, style, onReady, onError, onMessage, ...options }, ref) {
  const box = useRef(null)
  const told = useRef(options)
  const listeners = useRef({})
  const [handle, setHandle] = useState(null)
  const inline = options.type === 'inline'

  useEffect(() => { listeners.current = { onReady, onError, onMessage } })
  useImperativeHandle(ref, () => handle, [handle])

  useEffect(() => {
    let ended = false
    let current
    // Each embed has its own element, so that one being removed does not block the next.
    const place = inline ? box.current.appendChild(document.createElement('div')) : undefined
    const fail = (error) => { if (!ended) listeners.current.onError?.(error) }
    load().then((Dramac) => {
      if (ended) return
      told.current = options
      current = Dramac.embed({
        ...options,
        ...(place && { container: place }),
        onReady: () => listeners.current.onReady?.(current),
        onError: fail,
        onMessage: (message) => listeners.current.onMessage?.(message),
      })
      setHandle(current)
    }).catch(fail)
    return () => {
      ended = true
      current?.destroy()
      place?.remove()
      setHandle(null)
    }
  }, FIXED.map((name) => options[name]))

  useEffect(() => {
    if (!handle) return
    const changed = changes(told.current, options)
    told.current = options
    if (Object.keys(changed).length === 0) return
    // Before the SDK has loaded `update` returns a promise; afterwards it throws at once.
    new Promise((resolve) => resolve(handle.update(changed))).catch((error) => listeners.current.onError?.(error))
  })

  return inline ? createElement('div', { ref: box, className, style }) : null
})
