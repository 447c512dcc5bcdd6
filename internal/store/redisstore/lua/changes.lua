-- Reads the change log.
-- ARGV 2 after  3 limit  4 for how many ms later changes are to ring, or "0"
-- Returns {"O", seq of the first entry, seq of the session, expires, ttl, now, epoch, entry, entry, ...}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, ttl, _, _, seq, _, _, _, _, _, epoch = unpack(HEAD, h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
local first = seq - call('LLEN', L) + 1
local from = math.min(math.max(ARGV[2] + 1, first), seq + 1) -- the caller's number may be no place in a list
local out = {'O'}
for i, n in ipairs({from, seq, exp, ttl, now}) do out[i + 1] = string.format('%d', n) end
out[7] = epoch
for i, entry in ipairs(call('LRANGE', L, from - first, from - first + ARGV[3] - 1)) do out[i + 7] = entry end
local follow = tonumber(ARGV[4])
if follow > 0 and (#h < 63 or unpack('>I4', h, 60) * 1000 < now + follow) then
  call('HSET', M, 'h', sub(h, 1, 59) .. pack('>I4', math.floor((now + 2 * follow) / 1000)))
end
return out
