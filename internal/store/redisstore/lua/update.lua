-- Touches a session or changes its own properties.
-- ARGV 6 "t" touch | "u" update  7 ttl or ""  8 read-only "1"|"0"|""  9 max labels
--      10 any tag "1"|"0"  11 number of tags  12 number of labels,
--      then the tags, then key, "+"<value> or "-", ...
-- Body: existing "1", at, then the session.
local tomb = tonumber(ARGV[5])
local now = clock()
local known, answer = lookup(now, tomb, ARGV[6])
if known then return answer end
local m = redis.call('HMGET', M, 'exp', 'ttl', 'p', 'ver', 'ro', 'ep')
if not m[1] or tonumber(m[1]) <= now then return absent(now, tomb, m[1]) end
local ttl, p, ver = tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
if ARGV[6] == 'u' then
  if m[5] == '1' and ARGV[8] ~= '0' then return {'E', 'readonly', '0'} end
  local ntags, nlabels = tonumber(ARGV[11]), tonumber(ARGV[12])
  if (ARGV[10] == '1' or ntags > 0) and not matches(m[6] .. '-' .. m[4], ARGV[10], 13, ntags) then
    return {'E', 'conflict', '0', m[4]}
  end
  local labels, changed = {}, {}
  for i = 1, nlabels do
    local k, v = ARGV[11 + ntags + 2 * i], ARGV[12 + ntags + 2 * i]
    labels[k] = v
    changed[i] = k
  end
  if nlabels > 0 then
    local have, before, count = redis.call('HKEYS', M), 0, 0
    for i = 1, #have do
      if string.sub(have[i], 1, 2) == 'l:' then
        before = before + 1
        if not labels[string.sub(have[i], 3)] then count = count + 1 end
      end
    end
    for _, v in pairs(labels) do
      if string.sub(v, 1, 1) == '+' then count = count + 1 end
    end
    if count > tonumber(ARGV[9]) then return {'E', 'labels', '0', tostring(before), ARGV[9]} end
  end
  for i = 1, nlabels do
    local k = changed[i]
    if string.sub(labels[k], 1, 1) == '+' then
      redis.call('HSET', M, 'l:' .. k, string.sub(labels[k], 2))
    else
      redis.call('HDEL', M, 'l:' .. k)
    end
  end
  if ARGV[7] ~= '' then ttl = tonumber(ARGV[7]) end
  if ARGV[8] ~= '' then redis.call('HSET', M, 'ro', ARGV[8]) end
  ver = ver + 1
end
local exp = now + ttl
local h = horizon(exp, ttl, tomb)
local moved = exp > p or p > h -- a TTL that shrank must not keep the keys for its old length
if moved then p = h end
redis.call('HSET', M, 'exp', exp, 'ttl', ttl, 'p', p, 'ver', ver)
local rec = remember(now, ARGV[6], now, ns('1') .. ns(now) .. snapshot(), p, tomb, nil)
if moved then keep(now, p, tomb) end
return {'O', rec}
