-- Reads a session and some of its variables at one instant, and re-arms the
-- expiry when less than 90 % of the TTL is left.
-- ARGV 2 names...
-- Returns {"O", when, session as cold.snapshot has it, then for each name its record, "" when there is none}.
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
local out = {'O', string.format('%d', now), cold.snapshot()}
for i = 2, #ARGV do
  local rec = call('HGET', V, ARGV[i])
  out[i + 2] = rec and string.byte(rec, 3) == 45 and rec or ''
end
return out
