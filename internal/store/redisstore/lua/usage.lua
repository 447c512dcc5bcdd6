-- Measures a session.
-- Returns {"O", bytes, variables, changes, blobs, what they weigh, locks}.
local h = call('HGET', M, 'h')
if not h then return cold(now, tomb, keyed).absent(h) end
local exp, _, _, _, _, _, bytes, nv, _, _, epoch = unpack(HEAD, h)
if exp <= now then return cold(now, tomb, keyed).absent(h) end
local s, t = call('HGET', X, 's'), call('HGET', B, (call('HGET', M, 'b') or epoch) .. 's')
local _, weight = 0, 0
if s then _, weight = unpack(STATE, s) end
local _, blobs, heavy = 0, 0, 0
if t then _, blobs, heavy = unpack(TALLY, t) end
local _, locks = cold(now, tomb, keyed).locked('')
local out = {'O'}
for i, n in ipairs({bytes + weight, nv, call('LLEN', L), blobs, heavy, locks}) do out[i + 1] = string.format('%d', n) end
return out
