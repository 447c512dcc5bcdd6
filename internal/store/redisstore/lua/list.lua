-- Reads variables in the order of their names.
-- ARGV 2 first name, as ZRANGE BYLEX has it  3 last name, likewise  4 how many at most  5 with how many bytes there are enough
-- Returns {"O", "1" when there may be more, else "0", name, record, ...}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, _, _, _, _, _, _, nv = unpack(HEAD, h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
if call('ZCARD', N) ~= nv then -- the session is older than this index
  call('DEL', N)
  for _, name in ipairs(call('HKEYS', V)) do
    if string.byte(call('HGET', V, name), 3) ~= 120 then call('ZADD', N, 0, name) end
  end
  call('PEXPIRE', N, math.max(call('PTTL', V), 1))
end
local most, enough = tonumber(ARGV[4]), tonumber(ARGV[5])
local names = call('ZRANGE', N, ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, most)
local out, size = {'O', #names == most and '1' or '0'}, 0
for i = 1, #names do
  local rec = call('HGET', V, names[i]) or ''
  out[#out + 1], out[#out + 2] = names[i], rec
  size = size + #rec
  if size > enough and i < #names then
    out[2] = '1'
    break
  end
end
return out
