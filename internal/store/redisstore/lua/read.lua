-- Reads a session and some of its variables at one instant, and re-arms the
-- expiry when less than 90 % of the TTL is left.
-- ARGV 2 about how many bytes of records are read, but one in any case  3 names...
-- Returns {"O", when, the bytes of those left out at the end, session as cold.snapshot has it, then for each other name its
--      record, "" when there is none}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, ttl, p = unpack('>I6I6I6', h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
local cold = cold(now, tomb, keyed)
if exp - now < ttl * 0.9 then
  exp = now + ttl
  if exp > p then
    p = cold.horizon(exp, ttl)
    cold.keep(p)
  end
  call('HSET', M, 'h', pack('>I6I6I6', exp, ttl, p) .. sub(h, 19))
end
local out, room, left = {'O', string.format('%d', now), '0', cold.snapshot()}, tonumber(ARGV[2]), 0
for i = 3, #ARGV do
  if room < 0 and i > 3 then
    left = left + call('HSTRLEN', V, ARGV[i])
  else
    local rec = call('HGET', V, ARGV[i])
    rec = rec and string.byte(rec, 3) ~= 120 and rec or ''
    out[i + 2], room = rec, room - #rec
  end
end
out[3] = string.format('%d', left)
return out
