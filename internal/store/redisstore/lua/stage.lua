-- Begins an upload, for which it looks at the session.
-- KEYS 12 the upload's mark: a hash, "t" when it began
-- ARGV 2 limits, as apply.lua has them  3 bytes of the upload  4 ms it is kept
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, _, _, _, _, _, bytes, _, _, ro = unpack(HEAD, h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
if ro == 1 then return {'E', 'readonly', '0'} end
local s, _, weight, maxbytes = call('HGET', X, 's'), 0, 0, nil
if s then _, weight = unpack(STATE, s) end
_, maxbytes = unpack('>I4I6', ARGV[2])
if bytes + weight + ARGV[3] > maxbytes then
  return {'E', 'bytes', '0', string.format('%d', bytes + weight), string.format('%d', maxbytes)}
end
call('HSET', KEYS[12], 't', string.format('%d', now))
call('PEXPIRE', KEYS[12], ARGV[4])
return {'O'}
