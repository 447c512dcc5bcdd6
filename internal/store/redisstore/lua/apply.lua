-- Applies one unit.
-- ARGV 6 kind of record  7 memo  8 count "1"|"0"  9 by
--      10 max variables  11 max bytes  12 length of the change log  13 number of operations
--      then 8 for each: kind, name, wanted version or "", type letter,
--      payload or delta, initial or "", min or "", max or ""
-- Body: at|seq|commands|variables|created|<memo as netstring>, then for each
--       operation the lengths of name (1 byte), header (2) and payload (4), "1"
--       if it existed, else "0", name, header, payload.
local pack = struct.pack
local tomb = tonumber(ARGV[5])
local now = clock()
local known, answer = lookup(now, tomb, 'ead')
local kind = ARGV[6]
if known and (answer[1] == 'E' or sub(known, 1, 1) ~= 'd' or kind == 'd') then return answer end

local m = call('HMGET', M, 'exp', 'ttl', 'p', 'seq', 'cc', 'nv', 'b', 'ro', 'cr')
if not m[1] or tonumber(m[1]) <= now then return absent(now, tomb, m[1]) end
if m[8] == '1' then return {'E', 'readonly', '0'} end
local at, by, nops = format('%d', now), ARGV[9], tonumber(ARGV[13])

-- Counters are tried out where they stand, since only HINCRBY adds 64-bit
-- integers exactly; a refusal puts them back.
local undo = {}
local function refuse(code, i, ...)
  for j = #undo, 1, -1 do
    local name, old = undo[j][1], undo[j][2]
    if old then call('HSET', C, name, old) else call('HDEL', C, name) end
  end
  return {'E', code, tostring(i), ...}
end

-- less compares decimal strings without making numbers of them.
local function less(a, b)
  local na, nb = sub(a, 1, 1) == '-', sub(b, 1, 1) == '-'
  if na ~= nb then return na end
  if na then a, b = sub(b, 2), sub(a, 2) end
  if #a ~= #b then return #a < #b end
  return a < b
end

local function result(name, existed, header, payload)
  return pack('>BHI4', #name, #header, #payload) .. existed .. name .. header .. payload
end

local writes, body, items = {}, {}, {}
local fresh, names, gone, grown, ending = 0, 0, 0, 0, false
for i = 1, nops do
  local a = 13 + (i - 1) * 8
  local op, name, want, typ, data = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  if op == 'E' then
    ending = true
    body[#body + 1] = result('', '1', '', '')
  else
    local rec = call('HGET', V, name)
    local live, have, ver, created, header, payload = false, nil, '0', at, '', ''
    if rec then
      local flag, since
      have, flag, ver, since = string.match(rec, '^(.).(.)(%d+)|(%d+)|')
      live = flag == '-'
      if live then
        created = since
        local nl = string.find(rec, '\n', 1, true)
        header = sub(rec, 1, nl - 1)
        if have == 'i' then payload = call('HGET', C, name) else payload = sub(rec, nl + 1) end
      end
    end
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
        call('HSET', C, name, ARGV[a + 6])
      end
      local r = redis.pcall('HINCRBY', C, name, data)
      if type(r) == 'table' and r.err then return refuse('overflow', i) end
      if r > -2 ^ 53 and r < 2 ^ 53 then -- the double is exact
        write = format('%d', r)
      else
        write = call('HGET', C, name)
      end
      local lo, hi = ARGV[a + 7], ARGV[a + 8]
      if (lo ~= '' and less(write, lo)) or (hi ~= '' and less(hi, write)) then return refuse('bounds', i, write) end
    elseif op == 'D' then
      if live then write = false end
    end

    if write == nil then
      body[#body + 1] = result(name, live and '1' or '0', header, payload)
    elseif write == false then
      gone = gone + 1
      grown = grown - 64 - #name - #payload
      writes[#writes + 1] = {name, have .. '-x' .. ver .. '|' .. at .. '|' .. at .. '|' .. by .. '\n', have == 'i' and 'del' or ''}
      items[#items + 1] = 'd' .. string.char(#name) .. name .. ver .. '|'
      body[#body + 1] = result(name, '1', '', '')
    else
      if not live then
        fresh = fresh + 1
        if not rec then names = names + 1 end
        grown = grown + 64 + #name + #write
      else
        grown = grown + #write - #payload
      end
      local bumped = format('%d', ver + 1)
      local head = typ .. (typ == 'i' and 'c-' or 'j-') .. bumped .. '|' .. created .. '|' .. at .. '|' .. by
      writes[#writes + 1] = {name, head .. '\n' .. (typ == 'i' and '' or write), op ~= 'A' and typ == 'i' and write or ''}
      items[#items + 1] = (live and 'v' or 'r') .. string.char(#name) .. name .. bumped .. '|'
      body[#body + 1] = result(name, live and '1' or '0', head, write)
    end
  end
end

-- What did not change is written back as it was read.
local seq, cc, nv = m[4], m[5], m[6]
if fresh ~= gone then nv = format('%d', nv + fresh - gone) end
local maxvars = tonumber(ARGV[10])
if fresh > 0 and tonumber(nv) > maxvars then return refuse('variables', 0, m[6], ARGV[10]) end
if names > 0 and call('HLEN', V) + names > 2 * maxvars + 1000 then return refuse('variables', 0, m[6], ARGV[10]) end
if ARGV[8] == '1' and not known then cc = format('%d', cc + 1) end
if #items > 0 then seq = format('%d', seq + 1) end
local whole = at .. '|' .. seq .. '|' .. cc .. '|' .. nv .. '|' .. m[9] .. '|' .. (ARGV[7] == '' and '0:' or ns(ARGV[7])) .. table.concat(body)
local more = grown + (ARGV[3] ~= '' and 64 + 52 + #whole or 0)
if more > 0 then
  local limit = tonumber(ARGV[11])
  if ARGV[3] == '' then weight = call('HGET', X, 'w') end
  local total = m[7] + (weight or 0)
  if total + more > limit then
    local freed = forget(now, 128)
    if freed > 0 then
      weight = call('HINCRBY', X, 'w', -freed)
      total = m[7] + weight
    end
  end
  if total + more > limit then return refuse('bytes', 0, format('%d', total), ARGV[11]) end
end

-- Nothing below fails.
local first = known and tonumber(sub(known, 2, 14)) or now
if ending then
  local rec = remember(now, kind, first, whole, now, tomb, known)
  finish(now, tomb)
  return {'O', rec}
end
for i = 1, #writes do
  local w = writes[i]
  call('HSET', V, w[1], w[2])
  if w[3] == 'del' then call('HDEL', C, w[1]) elseif w[3] ~= '' then call('HSET', C, w[1], w[3]) end
end
local ttl, p = tonumber(m[2]), tonumber(m[3])
local exp = now + ttl
local moved = exp > p
if moved then
  p = horizon(exp, ttl, tomb)
  call('HSET', M, 'p', p)
end
if #items > 0 then
  local length = call('RPUSH', L, at .. '|' .. by .. '|' .. table.concat(items))
  if length >= ARGV[12] + 128 then call('LTRIM', L, -ARGV[12], -1) end -- now and then, a lot at once
end
local rec = remember(now, kind, first, whole, p, tomb, known)
call('HSET', M, 'exp', format('%d', exp), 'seq', seq, 'cc', cc)
if grown ~= 0 or fresh > 0 or gone > 0 then call('HSET', M, 'nv', nv, 'b', m[7] + grown) end
if moved or fresh > 0 then keep(now, p, tomb) end -- a key that is new has no expiry yet
return {'O', rec}
