-- How many single keys are not there, or say less than the entries that are given.
--
-- KEYS: the single key of each entry. ARGV: of each entry up to which time it refuses.
local lost = 0
for i = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[i])
  local number = type(value) == 'string' and tonumber(value)
  if not number or number < tonumber(ARGV[i]) then lost = lost + 1 end
end
return lost
