-- Lets a connection wait while nobody is primary, instead of closing it.
--
-- HAProxy has no queue for a backend without a usable server, so the last server of the backend
-- is HAProxy itself: what arrives here waits, and is forwarded like any other connection then.

local WAIT_S = 5
local LOOK_EVERY_MS = 10

local looked_at, is_ready = 0, false

local function moment()
  local now = core.now()
  return now.sec + now.usec / 1000000
end

-- However many wait, the servers are looked at once in a while.
local function some_server_is_ready()
  if moment() - looked_at >= LOOK_EVERY_MS / 1000 then
    looked_at, is_ready = moment(), false
    for name, server in pairs(core.backends[BACKEND].servers) do
      is_ready = is_ready or (name ~= HOLD and server:get_stats().status == "no check")
    end
  end
  return is_ready
end

core.register_action("hold", { "tcp-req" }, function()
  local until_s = moment() + WAIT_S
  while moment() < until_s do
    if some_server_is_ready() then
      return act.CONTINUE
    end
    core.msleep(LOOK_EVERY_MS)
  end
  return act.DENY
end, 0)
