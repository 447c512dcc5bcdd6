-- Touches a session or changes its own properties.
-- ARGV 2 token  3 fingerprint  4 "t" touch | "u" update  5 ttl or ""  6 read-only "1"|"0"|""  7 max labels
--      8 any tag "1"|"0"  9 number of tags  10 number of labels,
--      then the tags, then key, "+"<value> or "-", ...
-- Body: the session as cold.snapshot has it.
local _, answer, stale = lookup(ARGV[2], ARGV[3], ARGV[4])
if answer then return answer end
local cold = cold(now, tomb, keyed)
local h = call('HGET', M, 'h')
if not h then return cold.absent(h) end
local exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch = unpack(HEAD, h)
if exp <= now then return cold.absent(h) end
if ARGV[4] == 'u' then
  if ro == 1 and ARGV[6] ~= '0' then return {'E', 'readonly', '0'} end
  local ntags, nlabels = tonumber(ARGV[9]), tonumber(ARGV[10])
  if (ARGV[8] == '1' or ntags > 0) and not cold.matches(epoch, ver, ARGV[8], 11, ntags) then
    return {'E', 'conflict', '0', string.format('%d', ver)}
  end
  local labels, changed = {}, {}
  for i = 1, nlabels do
    local k, v = ARGV[9 + ntags + 2 * i], ARGV[10 + ntags + 2 * i]
    labels[k] = v
    changed[i] = k
  end
  if nlabels > 0 then
    local have, before, count = call('HKEYS', M), 0, 0
    for i = 1, #have do
      if sub(have[i], 1, 2) == 'l:' then
        before = before + 1
        if not labels[sub(have[i], 3)] then count = count + 1 end
      end
    end
    for _, v in pairs(labels) do
      if sub(v, 1, 1) == '+' then count = count + 1 end
    end
    if count > tonumber(ARGV[7]) then return {'E', 'labels', '0', tostring(before), ARGV[7]} end
  end
  for i = 1, nlabels do
    local k = changed[i]
    if sub(labels[k], 1, 1) == '+' then
      call('HSET', M, 'l:' .. k, sub(labels[k], 2))
    else
      call('HDEL', M, 'l:' .. k)
    end
  end
  if ARGV[5] ~= '' then ttl = tonumber(ARGV[5]) end
  if ARGV[6] ~= '' then ro = tonumber(ARGV[6]) end
  ver = ver + 1
end
exp = now + ttl
local horizon = cold.horizon(exp, ttl)
local moved = exp > p or p > horizon -- a TTL that shrank must not keep the keys for its old length
if moved then p = horizon end
call('HSET', M, 'h', pack(HEAD, exp, ttl, p, created, seq, cc, bytes, nv, ver, ro, epoch) .. sub(h, 60))
if moved then cold.keep(p) end
answer = remember(ARGV[2], ARGV[3], string.byte(ARGV[4]), now, cold.snapshot(), nil, stale)
settle(p)
return {'O', answer}
