#include "controller/api/call_body.h"

#include <boost/json/parse.hpp>

#include "controller/base/text.h"

namespace plumb::api {
namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::int64_t kLongestTimeout = 3'600'000;  // ms

constexpr Duration kTokenLifetime = std::chrono::minutes(15);
constexpr std::int64_t kLongestToken = 86'400;      // seconds
constexpr std::size_t kMostConnectors = 1000;       // at once
constexpr std::int64_t kLongestLevel = 7 * 86'400;  // seconds: what is to stay so is in the manifest

// The mapping that was sent.
Result<Object> body_of(const net::Request& request) {
  if (!is_json(request)) return fail(Fault::denied, "the body has to be application/json");
  boost::json::parse_options options;
  options.max_depth = kDeepest;
  boost::json::error_code error;
  Value value = boost::json::parse(request.body, error, {}, options);
  if (error) return fail(Fault::invalid, "the body is not JSON: {}", error.message());
  if (!value.is_object()) return fail(Fault::invalid, "the body has to be a mapping");
  return std::move(value.get_object());
}

}  // namespace

bool is_json(const net::Request& request) {
  const auto type = request.header("Content-Type");
  std::string_view essence = type ? type->substr(0, type->find(';')) : std::string_view();
  essence = essence.substr(0, essence.find_last_not_of(" \t") + 1);
  return equals_ignoring_case(essence, "application/json");
}

Result<CallBody> call_body(const net::Request& request) {
  CallBody call;
  if (request.body.empty()) return call;
  PLUMB_TRY(Object body, body_of(request));
  for (auto& [key, member] : body) {
    if (key == "parameters") {
      if (!member.is_object()) return fail(Fault::invalid, "/parameters: has to be a mapping of names to values");
      call.arguments.parameters = std::move(member.get_object());
    } else if (key == "body") {
      call.arguments.body = std::move(member);
      call.arguments.has_body = true;
    } else if (key == "mediaType") {
      if (!member.is_string()) return fail(Fault::invalid, "/mediaType: has to be a text");
      call.arguments.media_type = std::string(member.get_string());
    } else if (key == "timeoutMs") {
      const bool fits = member.is_int64() && member.get_int64() > 0 && member.get_int64() <= kLongestTimeout;
      if (!fits)
        return fail(Fault::invalid, "/timeoutMs: has to be a number of milliseconds up to {}", kLongestTimeout);
      call.timeout = Duration(member.get_int64());
    } else {
      return fail(Fault::invalid, "/{}: there is no such member{}", printable(key),
                  did_you_mean(key, {"parameters", "body", "mediaType", "timeoutMs"}));
    }
  }
  return call;
}

Result<LevelBody> level_body(const net::Request& request) {
  LevelBody asked;
  bool has_level = false;
  PLUMB_TRY(const Object body, body_of(request));
  for (const auto& [key, member] : body) {
    if (key == "level") {
      const auto level = member.is_string() ? runtime::parse_log_level(member.get_string()) : std::nullopt;
      if (!level) return fail(Fault::invalid, "/level: has to be error, warn, info, debug, trace or spam");
      asked.level = *level;
      has_level = true;
    } else if (key == "forSeconds") {
      const bool fits = member.is_int64() && member.get_int64() > 0 && member.get_int64() <= kLongestLevel;
      if (!fits) return fail(Fault::invalid, "/forSeconds: has to be a number of seconds up to {}", kLongestLevel);
      asked.span = std::chrono::seconds(member.get_int64());
    } else {
      return fail(Fault::invalid, "/{}: there is no such member{}", printable(key),
                  did_you_mean(key, {"level", "forSeconds"}));
    }
  }
  if (!has_level) return fail(Fault::invalid, "/level: is missing");
  return asked;
}

Result<Duration> token_body(const net::Request& request) {
  Duration lifetime = kTokenLifetime;
  if (request.body.empty()) return lifetime;
  PLUMB_TRY(const Object body, body_of(request));
  for (const auto& [key, member] : body) {
    if (key != "expiresInSeconds")
      return fail(Fault::invalid, "/{}: there is no such member{}", printable(key),
                  did_you_mean(key, {"expiresInSeconds"}));
    const bool fits = member.is_int64() && member.get_int64() > 0 && member.get_int64() <= kLongestToken;
    if (!fits) return fail(Fault::invalid, "/expiresInSeconds: has to be a number of seconds up to {}", kLongestToken);
    lifetime = std::chrono::seconds(member.get_int64());
  }
  return lifetime;
}

Result<ConnectorsBody> connectors_body(const net::Request& request, bool may_force) {
  ConnectorsBody asked;
  PLUMB_TRY(const Object body, body_of(request));
  for (const auto& [key, member] : body) {
    if (key == "connectors" && member.is_array()) {
      for (const Value& each : member.get_array()) {
        const std::string_view text = each.is_string() ? std::string_view(each.get_string()) : std::string_view();
        const std::size_t slash = text.find('/');
        if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
          return fail(Fault::invalid, "/connectors/{}: has to be \"namespace/name\"", asked.connectors.size());
        asked.connectors.push_back(
            {"Connector", std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))});
      }
    } else if (key == "connectors") {
      return fail(Fault::invalid, "/connectors: has to be a list of \"namespace/name\"");
    } else if (key == "force" && may_force) {
      if (!member.is_bool()) return fail(Fault::invalid, "/force: has to be true or false");
      asked.force = member.get_bool();
    } else {
      return fail(Fault::invalid, "/{}: there is no such member{}", printable(key), did_you_mean(key, {"connectors"}));
    }
  }
  if (asked.connectors.empty()) return fail(Fault::invalid, "/connectors: names none");
  if (asked.connectors.size() > kMostConnectors)
    return fail(Fault::invalid, "/connectors: names more than {}", kMostConnectors);
  return asked;
}

}  // namespace plumb::api
