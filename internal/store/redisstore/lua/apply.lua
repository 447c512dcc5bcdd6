-- Applies one unit.
-- ARGV 6 kind of record  7 memo  8 count "1"|"0"  9 by
--      10 max variables  11 max bytes  12 length of the change log  13 number of operations
--      then 8 for each: kind, name, wanted version or "", type letter,
--      payload or delta, initial or "", min or "", max or ""
-- Body: at seq commands variables created memo, then for each operation
--       name existed header payload.
local tomb = tonumber(ARGV[5])
local now = clock()
local known, answer = lookup(now, tomb, 'ead')
local kind = ARGV[6]
if known and (answer[1] == 'E' or string.sub(known, 1, 1) ~= 'd' or kind == 'd') then return answer end

local m = redis.call('HMGET', M, 'exp', 'ttl', 'p', 'seq', 'cc', 'nv', 'b', 'ro', 'cr')
if not m[1] or tonumber(m[1]) <= now then return absent(now, tomb, m[1]) end
if m[8] == '1' then return {'E', 'readonly', '0'} end
local ttl, p, seq, cc, nv, bytes = tonumber(m[2]), tonumber(m[3]), tonumber(m[4]), tonumber(m[5]), tonumber(m[6]), tonumber(m[7])
local by, nops = ARGV[9], tonumber(ARGV[13])

-- Counters are tried out where they stand, since only HINCRBY adds 64-bit
-- integers exactly; a refusal puts them back.
local undo = {}
local function refuse(code, i, ...)
  for j = #undo, 1, -1 do
    local name, old = undo[j][1], undo[j][2]
    if old then redis.call('HSET', C, name, old) else redis.call('HDEL', C, name) end
  end
  return {'E', code, tostring(i), ...}
end

-- less compares decimal strings without making numbers of them.
local function less(a, b)
  local na, nb = string.sub(a, 1, 1) == '-', string.sub(b, 1, 1) == '-'
  if na ~= nb then return na end
  if na then a, b = string.sub(b, 2), string.sub(a, 2) end
  if #a ~= #b then return #a < #b end
  return a < b
end

local writes, body, items = {}, {}, {}
local fresh, names, gone, grown, ending = 0, 0, 0, 0, false
for i = 1, nops do
  local a = 13 + (i - 1) * 8
  local op, name, want, typ, data = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  if op == 'E' then
    ending = true
    body[#body + 1] = ns('') .. ns('1') .. ns('') .. ns('')
  else
    local rec = redis.call('HGET', V, name)
    local live, ver, created, header, payload, have = false, '0', now, '', '', nil
    if rec then
      local nl = string.find(rec, '\n', 1, true)
      header, payload = string.sub(rec, 1, nl - 1), string.sub(rec, nl + 1)
      local flag, since
      have, flag, ver, since = string.match(header, '^(.).(.)(%d+)|(%d+)|')
      live = flag == '-'
      if live then created = since end
    end
    if live and have == 'i' then payload = redis.call('HGET', C, name) end
    if want ~= '' and want ~= (live and ver or '0') then return refuse('conflict', i, live and ver or '0') end

    local write = nil -- the payload to write, false for a deletion
    if op == 'P' then
      if live and have ~= typ then return refuse('type', i, have, typ) end
      write = data
    elseif op == 'C' then
      if live then return refuse('exists', i) end
      write = data
    elseif op == 'N' then
      if not live then write = data end
    elseif op == 'A' then
      typ = 'i'
      if live then
        if have ~= 'i' then return refuse('type', i, have, 'i') end
        undo[#undo + 1] = {name, payload}
      else
        if ARGV[a + 6] == '' then return refuse('notfound', i) end
        undo[#undo + 1] = {name, false}
        redis.call('HSET', C, name, ARGV[a + 6])
      end
      local r = redis.pcall('HINCRBY', C, name, data)
      if type(r) == 'table' and r.err then return refuse('overflow', i) end
      if r > -2 ^ 53 and r < 2 ^ 53 then -- the double is exact
        write = string.format('%d', r)
      else
        write = redis.call('HGET', C, name)
      end
      local lo, hi = ARGV[a + 7], ARGV[a + 8]
      if (lo ~= '' and less(write, lo)) or (hi ~= '' and less(hi, write)) then return refuse('bounds', i, write) end
    elseif op == 'D' then
      if live then write = false end
    end

    if write == nil then
      body[#body + 1] = ns(name) .. ns(live and '1' or '0') .. ns(live and header or '') .. ns(live and payload or '')
    elseif write == false then
      gone = gone + 1
      grown = grown - 64 - #name - #payload
      writes[#writes + 1] = {name, have .. '-x' .. ver .. '|' .. now .. '|' .. now .. '|' .. by .. '\n', have == 'i' and 'del' or ''}
      items[#items + 1] = 'd' .. ns(name) .. ns(ver)
      body[#body + 1] = ns(name) .. ns('1') .. ns('') .. ns('')
    else
      if not live then
        fresh = fresh + 1
        if not rec then names = names + 1 end
        grown = grown + 64 + #name + #write
      else
        grown = grown + #write - #payload
      end
      local bumped = string.format('%d', tonumber(ver) + 1)
      local head = typ .. (typ == 'i' and 'c' or 'j') .. '-' .. bumped .. '|' .. created .. '|' .. now .. '|' .. by
      writes[#writes + 1] = {name, head .. '\n' .. (typ == 'i' and '' or write), op ~= 'A' and typ == 'i' and write or ''}
      items[#items + 1] = (live and 'v' or 'r') .. ns(name) .. ns(bumped)
      body[#body + 1] = ns(name) .. ns(live and '1' or '0') .. ns(head) .. ns(write)
    end
  end
end

nv = nv + fresh - gone
local maxvars = tonumber(ARGV[10])
if fresh > 0 and nv > maxvars then return refuse('variables', 0, tostring(nv - fresh + gone), ARGV[10]) end
if names > 0 and redis.call('HLEN', V) + names > 2 * maxvars + 1000 then return refuse('variables', 0, tostring(nv - fresh + gone), ARGV[10]) end
if ARGV[8] == '1' and not known then cc = cc + 1 end
if #items > 0 then seq = seq + 1 end
local whole = ns(now) .. ns(seq) .. ns(cc) .. ns(nv) .. ns(m[9]) .. ns(ARGV[7]) .. table.concat(body)
local weight = grown + (ARGV[3] ~= '' and 64 + 52 + #whole or 0)
if weight > 0 then
  local limit = tonumber(ARGV[11])
  local total = bytes + tonumber(redis.call('HGET', X, 'w') or 0)
  if total + weight > limit then
    forget(now, 128)
    total = bytes + tonumber(redis.call('HGET', X, 'w') or 0)
  end
  if total + weight > limit then return refuse('bytes', 0, tostring(total), ARGV[11]) end
end

-- Nothing below fails.
local at = known and tonumber(string.sub(known, 2, 14)) or now
if ending then
  local rec = remember(now, kind, at, whole, now, tomb, known)
  finish(now, tomb)
  return {'O', rec}
end
for i = 1, #writes do
  local w = writes[i]
  redis.call('HSET', V, w[1], w[2])
  if w[3] == 'del' then redis.call('HDEL', C, w[1]) elseif w[3] ~= '' then redis.call('HSET', C, w[1], w[3]) end
end
local exp = now + ttl
local moved = exp > p
if moved then p = horizon(exp, ttl, tomb) end
if #items > 0 then
  redis.call('XADD', L, 'MAXLEN', '~', ARGV[12], string.format('%d-0', seq), 'e', ns(now) .. ns(by) .. table.concat(items))
end
local rec = remember(now, kind, at, whole, p, tomb, known)
redis.call('HSET', M, 'exp', exp, 'p', p, 'seq', seq, 'cc', cc, 'nv', nv, 'b', bytes + grown)
if moved or fresh > 0 then keep(now, p, tomb) end -- a key that is new has no expiry yet
return {'O', rec}
