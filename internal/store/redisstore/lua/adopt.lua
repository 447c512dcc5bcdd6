-- Makes staged chunks a blob that the session holds, before a unit refers to it.
-- KEYS 12 the blob's holders: a hash, "n" its size, <session>:<epoch> -> "1"  13 the upload's mark, then its chunks and as many of the blob
-- The mark then says "done", so that it can be sent again until a unit has used it up. Where this alone made the session a
-- holder, it says what release.lua needs to undo it: era, digest, since when (6 bytes).
-- ARGV 2 digest  3 size  4 bytes in a chunk  5 name of the session  6 ms of StagedTTL
-- Returns {"O"} or {"E", "incomplete", "0"}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, ttl, p, _, _, _, _, _, _, ro, epoch = unpack(HEAD, h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
if ro == 1 then return {'E', 'readonly', '0'} end
epoch = call('HGET', M, 'b') or epoch
local size, chunk = tonumber(ARGV[3]), tonumber(ARGV[4])
local chunks = math.ceil(size / chunk)
local holders, upload, field, mark = KEYS[12], KEYS[13], epoch .. ARGV[2], ARGV[5] .. ':' .. epoch
local have = call('HGET', holders, 'n') == ARGV[3]
local done = chunks > 0 and call('HGET', upload, 'done')
if done then
  if not have or call('HEXISTS', B, field) == 0 then return {'E', 'incomplete', '0'} end
elseif chunks > 0 then
  local began = call('HGET', upload, 't')
  if not began or began + ARGV[6] <= now then return {'E', 'incomplete', '0'} end
  for i = 0, chunks - 1 do
    if call('STRLEN', KEYS[14 + i]) ~= math.min(chunk, size - i * chunk) then return {'E', 'incomplete', '0'} end
  end
end
local known = call('HGET', B, field)
local references, since, own = 0, now, not known
if known then
  local _, was
  references, _, was = unpack('>I4I6I6', known)
  own = done == field .. pack('>I6', was)
  if was >= now then since = was + 1 end -- each adoption has an instant of its own
end
-- Nothing here fails.
if chunks > 0 and not done then
  for i = 14, 13 + chunks do
    if have then
      call('UNLINK', KEYS[i])
    else
      call('RENAME', KEYS[i], KEYS[i + chunks])
    end
  end
  call('PEXPIRE', upload, ARGV[6])
end
if chunks > 0 then call('HSET', upload, 'done', own and field .. pack('>I6', since) or '1') end
call('HSET', holders, 'n', ARGV[3], mark, '1')
-- Longer than the session can live before the sweeper looks at it again.
local ms = 2 * ttl + tomb + 3600000
for i = 13 + chunks, 13 + 2 * chunks do
  local key = i == 13 + chunks and holders or KEYS[i]
  if call('PTTL', key) < ms then call('PEXPIRE', key, ms) end
end
if references == 0 then call('HSET', B, field, pack('>I4I6I6', 0, size, since)) end
if not known then
  local t = call('HGET', B, epoch .. 's')
  local seq, blobs, weight = 0, 0, 0
  if t then seq, blobs, weight = unpack(TALLY, t) end
  call('HSET', B, epoch .. 's', pack(TALLY, seq + 1, blobs, weight))
  call('PEXPIRE', B, p - now + tomb + 3600000)
end
return {'O'}
