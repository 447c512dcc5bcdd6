-- Leaves of a session that has expired its tombstone and its keyed answers.
-- Returns {"1"|"0": it did}.
local h = call('HGET', M, 'h')
local exp = h and unpack('>I6', h)
if not exp or exp > now then return {'0'} end
local rest = exp + tomb - now
cold(now, tomb, keyed).finish(rest)
if rest > 0 then call('SET', D, string.format('%d', exp), 'PX', string.format('%d', rest)) end
return {'1'}
