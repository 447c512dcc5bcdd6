-- Deletes a session.
-- ARGV 2 token  3 fingerprint  4 any tag "1"|"0"  5 number of tags  6 lock token, then the tags
-- Body: existed "1"|"0".
local _, answer, stale = lookup(ARGV[2], ARGV[3], 'r')
if answer then return answer end
local cold = cold(now, tomb, keyed)
local h = call('HGET', M, 'h')
local live, ver, ro, epoch, exp = false, 0, 0, '', nil
if h then
  exp, _, _, _, _, _, _, _, ver, ro, epoch = unpack(HEAD, h)
  live = exp > now
end
local ntags = tonumber(ARGV[5])
if live and ro == 1 then return {'E', 'readonly', '0'} end
if ARGV[4] == '1' or ntags > 0 then
  if not live then return {'E', 'conflict', '0', '0'} end
  if not cold.matches(epoch, ver, ARGV[4], 7, ntags) then return {'E', 'conflict', '0', string.format('%d', ver)} end
end
if live then
  local locked = cold.locked(ARGV[6])
  if locked then return locked end
end
answer = remember(ARGV[2], ARGV[3], 114, now, live and '1' or '0', nil, stale)
settle(now)
cold.finish(tomb)
return {'O', answer}
