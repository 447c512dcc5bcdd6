-- Reads the change log.
-- ARGV 1 clock offset ms  2 ms a tombstone is kept  3 after  4 limit
-- Returns {"O", seq of the first entry, entry, entry, ...}.
local tomb = tonumber(ARGV[2])
local now = clock()
local m = call('HMGET', M, 'exp', 'seq')
if not m[1] or tonumber(m[1]) <= now then return absent(now, tomb, m[1]) end
local first = m[2] - call('LLEN', L) + 1
local from = math.min(math.max(ARGV[3] + 1, first), m[2] + 1) -- the caller's number may be no place in a list
local out = call('LRANGE', L, from - first, from - first + ARGV[4] - 1)
table.insert(out, 1, format('%d', from))
table.insert(out, 1, 'O')
return out
