-- Makes a session that is about to come into being a holder of blobs.
-- KEYS holders and chunks of each  ARGV 1 name of the session  2 era  3 ms  then for each the number of its chunks
-- Returns {"1"}, or {"0"} when one of them has gone.
local call, k = redis.call, 1
for a = 4, #ARGV do
  if call('EXISTS', KEYS[k]) == 0 then return {'0'} end
  k = k + 1 + ARGV[a]
end
k = 1
for a = 4, #ARGV do
  call('HSET', KEYS[k], ARGV[1] .. ':' .. ARGV[2], '1')
  for i = k, k + ARGV[a] do
    if call('PTTL', KEYS[i]) < tonumber(ARGV[3]) then call('PEXPIRE', KEYS[i], ARGV[3]) end
  end
  k = k + 1 + ARGV[a]
end
return {'1'}
