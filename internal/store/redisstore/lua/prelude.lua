-- Shared by every script of a session. It is put in front of the script's own
-- text, after the shebang.
--
-- KEYS of every session script, in this order:
--   1 m   hash    the session: "h" its head, see HEAD; l:<label>; k:<variable> its lock: until (6 bytes), fence (6), token and
--                 holder, each with its length (1 byte) before it; "b" in a fork its era, else that is the epoch
--   2 v   hash    variable name -> its record, see RECORD
--   3 c   hash    integer variable name -> its value once more, a decimal string: where HINCRBY adds
--   4 e   list    change log, one entry for each seq up to the head's: when (6 bytes), by (its length, 1 byte, before it), then
--                 for each variable its kind, the length of its name (1 byte), name, version (6 bytes)
--   5 d   string  tombstone: the instant at which the session expired. It is there only when m is not: an expired m is a
--                 tombstone by itself, until bury.lua makes it a small one
--   6 x   hash    keyed token -> answer; "s" what there is to know of them all, see STATE; "g<n>" when those of an
--                 earlier incarnation of the id end
--   7 xo  list    when (6 bytes) and token of x, oldest first
--   8 t   hash    minted token -> answer, one hash for each minute
--   9 h   hash    what variables were before, see history.lua
--  10 b   hash    tensors' bytes: <era><digest, 32 bytes> -> references (4 bytes), size (6), since when there are none (6);
--                 <era>"s" of them all, see TALLY. It outlives the session until its blobs have been released
--  11 n   zset    the names of variables, all at 0
-- Session exists, by comparison: exp > now. p is when Redis itself drops what
-- the session holds, and m a tombstone later; it runs ahead of exp so that most
-- writes need not move it.
--
-- An answer is its kind, when (6 bytes), for a keyed token the incarnation (4
-- bytes) and the fingerprint (32), and a body. Bodies and values are opaque
-- here: no JSON is decoded, and no number of a user becomes a Lua number (they
-- are doubles). Our own numbers are big-endian and below 2^53.
--
-- Every script returns strings: {"O", answer} done now, {"R", answer} done
-- before, or {"E", code, index of the operation, particulars...} refused with
-- nothing changed.
--
-- ARGV of every script begins with:
--   1 settings: clock offset in ms (8 bytes), ms a tombstone is kept (6), ms the answer to a keyed token is kept (6),
--     likewise a minted one (6)
--
-- Each function that is made, each value that functions share and each call
-- costs a part of a microsecond in each run: hence cold, which shares nothing,
-- and numbers that are packed together.
local M, V, C, L, D, X, XO, T = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local H, B, N = KEYS[9], KEYS[10], KEYS[11]
local call, sub, pack, unpack, spread = redis.call, string.sub, struct.pack, struct.unpack, unpack

-- exp ttl p, created seq commands bytes, variables version read-only epoch: 59
-- bytes, since from 65 on the hash would take several times the memory. Once
-- somebody follows the session, until when (4 bytes, seconds) comes after it.
local HEAD = '>I6I6I6I6I6I6I6I4I4Bc8'
-- A variable: type, codec, flag, version, created, updated, by (its length
-- before it), then its extras, if any, and its payload. The flag is x for one
-- that was deleted, - for one without extras, + with them, k without them and
-- perhaps with a lock, K with both. Extras are the lengths (2 bytes each) of the
-- constraints and the metadata, and both. The payload of a tensor has the digest
-- (32 bytes) and the size (6) of its bytes before its text.
local RECORD = '>BBBI6I6I6Bc0'
-- Of the keyed answers: the number of this incarnation of the id, what they
-- weigh in the session's bytes, when they end because the session was ended (0:
-- with it), and the oldest n of "g<n>".
local STATE = '>I4I6I6I4'
-- Of the blobs: a number that changes when one is added or released, how many
-- have references, and what those weigh.
local TALLY = '>I6I6I6'
-- Those who wait for changes listen here; the message is the key m.
local BELL = 'tp1:bell'

local offset, tomb, keyed, minted = unpack('>i8I6I6I6', ARGV[1])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + offset
