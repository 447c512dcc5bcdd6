-- Reads the change log.
-- ARGV 1 clock offset ms  2 ms a tombstone is kept  3 after  4 limit
-- Returns {"O", seq, entry, seq, entry, ...}.
local tomb = tonumber(ARGV[2])
local now = clock()
local exp = redis.call('HGET', M, 'exp')
if not exp or tonumber(exp) <= now then return absent(now, tomb, exp) end
local out = {'O'}
for _, e in ipairs(redis.call('XRANGE', L, '(' .. ARGV[3] .. '-0', '+', 'COUNT', ARGV[4])) do
  out[#out + 1] = string.match(e[1], '^%d+')
  out[#out + 1] = e[2][2]
end
return out
