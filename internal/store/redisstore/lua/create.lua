-- Creates a session, or finds the one that lives.
-- ARGV 6 ttl  7 epoch  8 return an existing one "1"|"0"  9 number of labels, then key, value, ...
-- Body: existing "1"|"0", at, then the session.
local tomb = tonumber(ARGV[5])
local now = clock()
local known, answer = lookup(now, tomb, 'c')
if known then return answer end
local exp = redis.call('HGET', M, 'exp')
if exp and tonumber(exp) > now then
  if ARGV[8] ~= '1' then return {'E', 'session', '0'} end
  local p = tonumber(redis.call('HGET', M, 'p'))
  local rec, more = remember(now, 'c', now, ns('1') .. ns(now) .. snapshot(), p, tomb, nil)
  redis.call('HINCRBY', M, 'b', more)
  return {'O', rec}
end
redis.call('UNLINK', M, V, C, L)
redis.call('HDEL', X, 'end')
local ttl = tonumber(ARGV[6])
local p = horizon(now + ttl, ttl)
redis.call('HSET', M, 'ep', ARGV[7], 'cr', now, 'exp', now + ttl, 'ttl', ttl, 'p', p, 'ver', 1, 'seq', 0, 'cc', 0, 'nv', 0, 'b', 0, 'ro', 0)
for i = 1, tonumber(ARGV[9]) do redis.call('HSET', M, 'l:' .. ARGV[8 + 2 * i], ARGV[9 + 2 * i]) end
local rec, more = remember(now, 'c', now, ns('0') .. ns(now) .. snapshot(), p, tomb, nil)
if more > 0 then redis.call('HSET', M, 'b', more) end
keep(now, p, tomb)
return {'O', rec}
