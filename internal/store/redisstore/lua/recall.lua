-- Remembers an answer under a key outside any session; the first one wins.
-- KEYS 1 the record: "<at, 13 digits><fingerprint, 32 bytes><memo>"
-- ARGV 1 clock offset ms  2 fingerprint  3 ms it is kept  4 "1" store | "0" only look  5 memo
-- Returns {"O", memo} stored now, {"R", memo} stored before, {"N"} nothing there, {"E", "reused", "0"}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
local rec = redis.call('GET', KEYS[1])
if rec and tonumber(string.sub(rec, 1, 13)) + tonumber(ARGV[3]) > now then
  if string.sub(rec, 14, 45) ~= ARGV[2] then return {'E', 'reused', '0'} end
  redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), 1)) -- a write, so that WAIT is honest
  return {'R', string.sub(rec, 46)}
end
if ARGV[4] ~= '1' then return {'N'} end
redis.call('SET', KEYS[1], string.format('%013d', now) .. ARGV[2] .. ARGV[5], 'PX', ARGV[3])
return {'O', ARGV[5]}
