-- Deletes a session.
-- ARGV 6 any tag "1"|"0"  7 number of tags, then the tags
-- Body: existed "1"|"0", at.
local tomb = tonumber(ARGV[5])
local now = clock()
local known, answer = lookup(now, tomb, 'r')
if known then return answer end
local m = redis.call('HMGET', M, 'exp', 'ro', 'ep', 'ver')
local live = m[1] and tonumber(m[1]) > now
local ntags = tonumber(ARGV[7])
if live and m[2] == '1' then return {'E', 'readonly', '0'} end
if ARGV[6] == '1' or ntags > 0 then
  if not live then return {'E', 'conflict', '0', '0'} end
  if not matches(m[3] .. '-' .. m[4], ARGV[6], 8, ntags) then return {'E', 'conflict', '0', m[4]} end
end
local rec = remember(now, 'r', now, ns(live and '1' or '0') .. ns(now), now, tomb, nil)
finish(now, tomb)
return {'O', rec}
