-- Chooses the endpoint of each request. The endpoints are in memory that all workers share, put there by the controller,
-- so that pods may come and go without a reload of nginx.
local balancer = require "ngx.balancer"

local _M = {}

-- Upstream name to its endpoints as text: "10.244.1.5:8080 [fd00::1]:8080".
local shared = ngx.shared.endpoints
-- The same, taken apart; one table a worker.
local parsed = {}
-- Endpoint to the time until which this worker asks others first.
local failed = {}
local avoid_seconds = 2
local max_tries = 3

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    local name, endpoints = line:match("^(%S+) ?(.*)$")
    if name then
      lines[name] = endpoints
    end
  end
  return lines
end

-- Replaces all endpoints by those of a text with a line for each upstream. Returns an error's text if they don't fit.
local function replace(text)
  local lines = lines_of(text)
  for _, name in ipairs(shared:get_keys(0)) do
    if not lines[name] then
      shared:delete(name)
    end
  end
  for name, endpoints in pairs(lines) do
    if shared:get(name) ~= endpoints then
      local ok, err = shared:safe_set(name, endpoints)
      if not ok then
        return err
      end
    end
  end
end

-- At start and at each reload: the last endpoints that the controller wrote.
function _M.load(path)
  local file = io.open(path)
  if not file then
    return
  end
  local err = replace(file:read("*a"))
  file:close()
  if err then
    error("endpoints do not fit: " .. err)
  end
end

function _M.seed()
  math.randomseed(ngx.now() * 1000 + ngx.worker.pid())
end

-- The controller sends all endpoints.
function _M.receive()
  ngx.req.read_body()
  local err = replace(ngx.req.get_body_data() or "")
  if err then
    ngx.status = 507
    ngx.say(err)
  end
end

local function upstream(name)
  local text = shared:get(name)
  if not text or text == "" then
    parsed[name] = nil
    return nil
  end
  local u = parsed[name]
  if not u or u.text ~= text then
    local peers = {}
    for host, port in text:gmatch("(%S+):(%d+)") do
      peers[#peers + 1] = { host = host, port = tonumber(port), key = host .. ":" .. port }
    end
    -- Workers and controllers do not all begin with the same one.
    u = { text = text, peers = peers, last = math.random(#peers) }
    parsed[name] = u
  end
  return u
end

-- Before a request is passed on: there must be somebody to ask.
function _M.access()
  ngx.ctx.upstream = upstream(ngx.var.upstream_name)
  if not ngx.ctx.upstream then
    ngx.status = ngx.HTTP_SERVICE_UNAVAILABLE
    ngx.header.content_type = "text/plain"
    ngx.say("no endpoints")
    return ngx.exit(ngx.HTTP_SERVICE_UNAVAILABLE)
  end
end

-- In turn; those that were tried for this request, or have failed just now, come last.
local function choose(u, tried)
  local now = ngx.now()
  local n = #u.peers
  local fallback
  for i = 1, n do
    local index = (u.last + i - 1) % n + 1
    local peer = u.peers[index]
    if not tried[peer.key] then
      local again = failed[peer.key]
      if again and again <= now then
        failed[peer.key] = nil
        again = nil
      end
      if not again then
        u.last = index
        return peer
      end
      fallback = fallback or peer
    end
  end
  return fallback or u.peers[u.last % n + 1]
end

function _M.balance()
  local ctx = ngx.ctx
  local u = ctx.upstream
  if not ctx.tried then
    ctx.tried = {}
    balancer.set_more_tries(math.min(#u.peers, max_tries) - 1)
  else
    failed[ctx.peer.key] = ngx.now() + avoid_seconds
    -- The endpoint may have failed because it is gone.
    u = upstream(ngx.var.upstream_name) or u
  end
  local peer = choose(u, ctx.tried)
  ctx.peer = peer
  ctx.tried[peer.key] = true
  local ok, err = balancer.set_current_peer(peer.host, peer.port)
  if not ok then
    ngx.log(ngx.ERR, "endpoint ", peer.key, ": ", err)
    return ngx.exit(ngx.ERROR)
  end
end

return _M
