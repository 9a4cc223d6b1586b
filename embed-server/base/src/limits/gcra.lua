-- Counts one request against every key, or against none if one of them is spent.
-- KEYS: what is counted. ARGV: for each key the cost of a request and the window, in microseconds.
-- Answers {the place of the key that is spent or 0, and for each key the microseconds until its allowance is whole}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local refused, used = 0, {}
for place, key in ipairs(KEYS) do
  local cost, window = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
  local whole_again = math.max(tonumber(redis.call('GET', key) or 0), now)
  -- No allowance is whole later than one window from now, unless the clock was set back.
  if whole_again - now > window then whole_again = now end
  used[place] = whole_again - now
  if refused == 0 and used[place] + cost > window then refused = place end
end
if refused == 0 then
  for place, key in ipairs(KEYS) do
    used[place] = used[place] + tonumber(ARGV[2 * place - 1])
    redis.call('SET', key, string.format('%.0f', now + used[place]), 'PX', math.ceil(used[place] / 1000))
  end
end
return {refused, unpack(used)}
