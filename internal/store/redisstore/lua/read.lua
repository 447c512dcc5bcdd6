-- Reads a session and some of its variables at one instant, and re-arms the
-- expiry when less than 90 % of the TTL is left.
-- ARGV 1 clock offset ms  2 ms a tombstone is kept  3 names...
-- Returns {"O", at, session as netstrings, then for each name header, payload}.
local tomb = tonumber(ARGV[2])
local now = clock()
local m = redis.call('HMGET', M, 'exp', 'ttl', 'p')
if not m[1] or tonumber(m[1]) <= now then return absent(now, tomb, m[1]) end
local exp, ttl, p = tonumber(m[1]), tonumber(m[2]), tonumber(m[3])
if exp - now < ttl * 0.9 then
  exp = now + ttl
  if exp > p then
    p = horizon(exp, ttl, tomb)
    keep(now, p, tomb)
  end
  redis.call('HSET', M, 'exp', exp, 'p', p)
end
local out = {'O', tostring(now), snapshot()}
for i = 3, #ARGV do
  local name = ARGV[i]
  local rec = redis.call('HGET', V, name)
  local header, payload = '', ''
  if rec and string.sub(rec, 3, 3) == '-' then
    local nl = string.find(rec, '\n', 1, true)
    header, payload = string.sub(rec, 1, nl - 1), string.sub(rec, nl + 1)
    if string.sub(rec, 1, 1) == 'i' then payload = redis.call('HGET', C, name) end
  end
  out[#out + 1] = header
  out[#out + 1] = payload
end
return out
