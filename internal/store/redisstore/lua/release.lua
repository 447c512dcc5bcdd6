-- Drops what a session holds of a blob, if nothing needs it; and the blob, when it was the last holder.
-- KEYS 12 the blob's holders, then its chunks
-- ARGV 2 era  3 digest  4 name of the session  5 ms that a reader has to finish
--      6 "", or since when nothing needs it (6 bytes): then it goes at once, as nobody can have read it, and not if that is another time
-- Returns {"1" when the blob is gone, "2" when it is to be looked at again, else "0"}.
local h = call('HGET', M, 'h')
local live, current = false, ''
if h then
  local exp, _, _, _, _, _, _, _, _, _, epoch = unpack(HEAD, h)
  live = exp > now and (call('HGET', M, 'b') or epoch) == ARGV[2]
end
local field = ARGV[2] .. ARGV[3]
local known = call('HGET', B, field)
if not known then return {'0'} end
local references, size, since = unpack('>I4I6I6', known)
if references > 0 then
  if live then return {'0'} end
  call('HSET', B, field, pack('>I4I6I6', 0, size, now))
  return {'2'}
end
if ARGV[6] == '' then
  if since + ARGV[5] > now then return {'2'} end
elseif ARGV[6] ~= pack('>I6', since) then
  return {'0'}
end
call('HDEL', B, field)
if live then
  local t = call('HGET', B, ARGV[2] .. 's')
  if t then
    local seq, blobs, weight = unpack(TALLY, t)
    call('HSET', B, ARGV[2] .. 's', pack(TALLY, seq + 1, blobs, weight))
  end
end
call('HDEL', KEYS[12], ARGV[4] .. ':' .. ARGV[2])
if call('HLEN', KEYS[12]) > 1 then return {'0'} end
for i = 12, #KEYS do call('UNLINK', KEYS[i]) end
return {'1'}
