-- Creates a session as a copy of another one.
-- KEYS as ever those of the new one  12.. those of the other, in the same order
-- ARGV 2 token  3 fingerprint  4 ttl, "" for the other's  5 era of the other as the caller saw it  6 number of its blobs' tally, likewise
--      7 epoch  8 number of labels, "" for the other's, then key, value, ...
-- Returns as create.lua; {"E", "changed", "0"} when the caller must look again.
local known, answer, stale = lookup(ARGV[2], ARGV[3], 'c')
if answer then return answer end
local cold = cold(now, tomb, keyed)
local old = call('HGET', M, 'h')
if old and unpack('>I6', old) > now then return {'E', 'session', '0'} end
local h = call('HGET', KEYS[12], 'h')
if not h or unpack('>I6', h) <= now then
  local last = h and unpack('>I6', h) or call('GET', KEYS[16])
  if last and now < last + tomb then return {'E', 'expired', '0'} end
  return {'E', 'missing', '0'}
end
local _, ttl, _, _, _, _, bytes, nv, _, _, epoch = unpack(HEAD, h)
epoch = call('HGET', KEYS[12], 'b') or epoch
local t = call('HGET', KEYS[21], epoch .. 's')
if epoch ~= ARGV[5] or string.format('%d', t and unpack(TALLY, t) or 0) ~= ARGV[6] then return {'E', 'changed', '0'} end
-- Nothing here fails.
reborn(old and unpack('>I6', old))
stale = nil
call('UNLINK', M, V, C, L, D, H, B, N)
if ARGV[4] ~= '' then ttl = tonumber(ARGV[4]) end
local p = cold.horizon(now + ttl, ttl)
for _, k in ipairs({2, 3, 9, 10, 11}) do call('COPY', KEYS[11 + k], KEYS[k]) end
call('HSET', M, 'h', pack(HEAD, now + ttl, ttl, p, now, 0, 0, bytes, nv, 1, 0, ARGV[7]), 'b', epoch)
if ARGV[8] == '' then
  local all = call('HGETALL', KEYS[12])
  for i = 1, #all, 2 do
    if sub(all[i], 1, 2) == 'l:' then call('HSET', M, all[i], all[i + 1]) end
  end
else
  for i = 1, tonumber(ARGV[8]) do call('HSET', M, 'l:' .. ARGV[7 + 2 * i], ARGV[8 + 2 * i]) end
end
if call('HLEN', V) > nv then -- what was deleted stays behind
  for _, name in ipairs(call('HKEYS', V)) do
    if string.byte(call('HGET', V, name), 3) == 120 then call('HDEL', V, name) end
  end
end
cold.keep(p)
answer = remember(ARGV[2], ARGV[3], 99, now, '0' .. cold.snapshot(), nil, stale)
settle(p)
return {'O', answer}
