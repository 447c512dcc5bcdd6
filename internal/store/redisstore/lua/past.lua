-- Reads what variables are and were.
-- ARGV 2 segments of history  3 how many old ones can be seen  4 what they may weigh  5 with how many bytes there are enough,
--      of what is wanted with "h"  then name, what is wanted: "" the
--      current record alone, "v<version>" that old one, "h<before> <limit>" the old ones less than before, newest first
-- Returns {"O", for each name its current record, "" when there is none, the number of old ones, with a + when there are more,
--      and those}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
if unpack('>I6', h) <= now then return cold(now, tomb, keyed).absent(h) end
local slots, many, most, enough = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

-- whole returns a record with its payload, and what it weighs, the metadata and
-- the text or the bytes of a tensor.
local function whole(name, rec)
  local typ, codec, flag, version, _, _, size = unpack('>BBBI6I6I6B', rec)
  local at, ml = 23 + size, 0
  if flag == 43 or flag == 75 then
    local cl
    cl, ml = unpack('>I2I2', rec, at)
    at = at + 4 + cl + ml
  end
  if codec == 114 then -- r
    local payload = call('HGET', H, '#' .. pack('>I6', version) .. name) or ''
    rec = sub(rec, 1, 1) .. 'j' .. sub(rec, 3) .. payload
  end
  return rec, version, ml + (typ == 116 and unpack('>I6', rec, at + 32) or #rec - at + 1)
end

-- records returns the old records of a variable, oldest first.
local function records(name)
  local open = call('HGET', H, 'o' .. name)
  if not open then return {} end
  local seg, out = unpack('>I4', open), {}
  local function read(text, at)
    while at <= #text do
      local rec
      rec, at = unpack('>I2c0', text, at)
      out[#out + 1] = rec
    end
  end
  for i = seg - slots, seg - 1 do
    local text = i >= 0 and call('HGET', H, 's' .. string.char(i % slots) .. name)
    if text then read(text, 1) end
  end
  read(open, 12)
  return out
end

local out = {'O'}
for a = 6, #ARGV, 2 do
  local name, want = ARGV[a], ARGV[a + 1]
  local rec = call('HGET', V, name)
  local live = rec and string.byte(rec, 3) ~= 120
  out[#out + 1] = live and rec or ''
  local at, found, weight, more = #out + 1, 0, 0, ''
  out[at] = '0'
  if live and want ~= '' then
    local all, before, limit, only, size = records(name), 0, 1, nil, 0
    if sub(want, 1, 1) == 'v' then
      only = sub(want, 2)
    else
      before, limit = string.match(want, '^h(%d+) (%d+)$')
      before, limit = tonumber(before), tonumber(limit)
      if before == 0 then size = #rec end
    end
    for i = #all, math.max(1, #all - many + 1), -1 do
      local old, v, w = whole(name, all[i])
      weight = weight + w
      if weight > most then break end
      if (before == 0 or v < before) and (not only or only == string.format('%d', v)) then
        if found == limit or size > enough then
          more = '+'
          break
        end
        found, size = found + 1, size + #old
        out[at + found] = old
      end
    end
    out[at] = string.format('%d', found) .. more
  end
end
return out
