-- Creates a session, or finds the one that lives.
-- ARGV 2 token  3 fingerprint  4 ttl  5 epoch, 8 characters  6 return an existing one "1"|"0"  7 number of labels, then key, value, ...
-- Body: existing "1"|"0", then the session as cold.snapshot has it.
local known, answer, stale = lookup(ARGV[2], ARGV[3], 'c')
if answer then return answer end
local cold = cold(now, tomb, keyed)
local exp, _, p, body
local h = call('HGET', M, 'h')
if h then exp, _, p = unpack('>I6I6I6', h) end
if exp and exp > now then
  if ARGV[6] ~= '1' then return {'E', 'session', '0'} end
  body = '1' .. cold.snapshot()
else
  reborn(exp)
  stale = nil
  call('UNLINK', M, V, C, L, D, H, N)
  local ttl = tonumber(ARGV[4])
  p = cold.horizon(now + ttl, ttl)
  call('HSET', M, 'h', pack(HEAD, now + ttl, ttl, p, now, 0, 0, 0, 0, 1, 0, ARGV[5]))
  for i = 1, tonumber(ARGV[7]) do call('HSET', M, 'l:' .. ARGV[6 + 2 * i], ARGV[7 + 2 * i]) end
  body = '0' .. cold.snapshot()
  cold.keep(p)
end
answer = remember(ARGV[2], ARGV[3], 99, now, body, nil, stale)
settle(p)
return {'O', answer}
