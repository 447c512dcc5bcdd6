-- Leaves of a session that has expired its tombstone and its keyed records.
-- Returns {"1"|"0": it did}.
-- ARGV 1 clock offset ms  2 ms a tombstone is kept
local exp = tonumber(call('HGET', M, 'exp') or nil)
local now = clock()
if not exp or exp > now then return {'0'} end
local ends = exp + ARGV[2]
finish(now, ends - now)
if ends > now then call('SET', D, format('%d', exp), 'PX', format('%d', ends - now)) end
return {'1'}
