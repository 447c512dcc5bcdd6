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
  return {'O', remember(now, 'c', now, ns('1') .. ns(now) .. snapshot(), p, tomb, nil)}
end
-- Records of an earlier incarnation are answered until its tombstone is over,
-- and no longer because the id lives again.
local ends = redis.call('HGET', X, 'end')
if exp then ends = tonumber(exp) + tomb elseif not ends then
  local d = redis.call('GET', D)
  ends = d and tonumber(d) + tomb
end
if not ends or tonumber(ends) <= now then
  redis.call('UNLINK', X, XO)
  incarnation, weight, stale = 0, nil, nil
elseif redis.call('EXISTS', X) == 1 then
  local n = tonumber(redis.call('HGET', X, 'n') or 0)
  local oldest = tonumber(redis.call('HGET', X, 'go') or n)
  redis.call('HSET', X, 'g' .. n, ends)
  for _ = 1, 2 do -- two out for one in
    local g = redis.call('HGET', X, 'g' .. oldest)
    if not g or tonumber(g) > now then break end
    redis.call('HDEL', X, 'g' .. oldest)
    oldest = oldest + 1
  end
  incarnation, weight, stale = n + 1, 0, nil
  redis.call('HSET', X, 'n', incarnation, 'go', oldest, 'w', 0)
  redis.call('HDEL', X, 'end')
end
redis.call('UNLINK', M, V, C, L, D)
local ttl = tonumber(ARGV[6])
local p = horizon(now + ttl, ttl, tomb)
redis.call('HSET', M, 'ep', ARGV[7], 'cr', now, 'exp', now + ttl, 'ttl', ttl, 'p', p, 'ver', 1, 'seq', 0, 'cc', 0, 'nv', 0, 'b', 0, 'ro', 0)
for i = 1, tonumber(ARGV[9]) do redis.call('HSET', M, 'l:' .. ARGV[8 + 2 * i], ARGV[9 + 2 * i]) end
local rec = remember(now, 'c', now, ns('0') .. ns(now) .. snapshot(), p, tomb, nil)
keep(now, p, tomb)
return {'O', rec}
