-- Tells whether a session holds a blob.
-- ARGV 2 digest
-- Returns {"1"|"0"}.
local h = call('HGET', M, 'h')
if not h then return {'0'} end
local exp, _, _, _, _, _, _, _, _, _, epoch = unpack(HEAD, h)
if exp <= now then return {'0'} end
return {tostring(call('HEXISTS', B, (call('HGET', M, 'b') or epoch) .. ARGV[2]))}
