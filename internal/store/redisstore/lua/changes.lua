-- Reads the change log.
-- ARGV 2 after  3 limit
-- Returns {"O", seq of the first entry, entry, entry, ...}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, _, _, _, seq = unpack(HEAD, h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
local first = seq - call('LLEN', L) + 1
local from = math.min(math.max(ARGV[2] + 1, first), seq + 1) -- the caller's number may be no place in a list
local out = call('LRANGE', L, from - first, from - first + ARGV[3] - 1)
table.insert(out, 1, string.format('%d', from))
table.insert(out, 1, 'O')
return out
