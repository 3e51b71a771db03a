-- Puts a rebuilt stream in the place of the old one, together with its head. Answers
--   ok      done
--   behind  another writer knows more of the same epoch
--
-- KEYS: head, stream, rebuilt stream. ARGV: epoch, seq of the last entry, the new head as JSON.
local value = redis.pcall('GET', KEYS[1])
local read, head = pcall(cjson.decode, value)
if read and type(head) == 'table' and head.epoch == ARGV[1] then
  local seq = tonumber(head.seq)
  if seq and seq > tonumber(ARGV[2]) then
    redis.call('DEL', KEYS[3])
    return 'behind'
  end
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('RENAME', KEYS[3], KEYS[2])
  redis.call('PERSIST', KEYS[2])
else
  redis.call('DEL', KEYS[2])
end
local new = cjson.decode(ARGV[3])
local length = redis.pcall('XLEN', KEYS[2])
if type(length) == 'number' then new.length = length end
redis.call('SET', KEYS[1], cjson.encode(new))
return 'ok'
