#include "controller/runtime/spellings.h"

#include <algorithm>

#include <boost/json/serialize.hpp>

#include "controller/base/secret.h"
#include "controller/base/url.h"
#include "controller/model/value.h"

namespace plumb::runtime {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace

std::vector<std::string> spellings_of(std::string_view secret) {
  std::vector<std::string> all = {std::string(secret)};
  // Most are spelt in one way alone; this is on the way of every call.
  if (std::ranges::all_of(secret, is_plain)) return all;
  const auto add = [&](std::string spelling) {
    if (std::ranges::find(all, spelling) == all.end()) {
      all.push_back(std::move(spelling));
    } else {
      wipe(spelling);
    }
  };
  const std::string encoded = percent_encode(secret);
  add(replaced(encoded, "%20", "+"));
  add(encoded);
  std::string json = boost::json::serialize(boost::json::string_view(secret));
  json = json.substr(1, json.size() - 2);
  add(replaced(json, "/", "\\/"));
  add(std::move(json));
  std::ranges::sort(all, std::greater<>(), &std::string::size);
  return all;
}

}  // namespace plumb::runtime
