#include "controller/runtime/connector_list.h"

#include <algorithm>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

const std::vector<std::string>& statuses() {
  static const std::vector<std::string> all = {"Online",   "Offline",  "Pending", "Held",
                                               "Disabled", "Archived", "Unknown"};
  return all;
}

struct Equal {
  std::string ConnectorQuery::*wanted;
  const char* pointer;
};
constexpr Equal kEqual[] = {{&ConnectorQuery::ns, "/namespace"},
                            {&ConnectorQuery::status, "/status"},
                            {&ConnectorQuery::version, "/version"},
                            {&ConnectorQuery::group, "/group"}};
constexpr const char* kSearched[] = {"/name", "/host", "/identity"};

// "linux" of "Linux 6.1.0-23-amd64".
bool is_os(std::string_view os, std::string_view wanted) {
  const std::string whole = lower(os), word = lower(wanted);
  return whole == word || whole.starts_with(word + " ");
}

bool has_label(const Value& summary, std::string_view label) {
  const std::size_t equals = label.find('=');
  const Value* const labels = at(summary, "/labels");
  const auto* const all = labels == nullptr ? nullptr : labels->if_object();
  const Value* const value = all == nullptr ? nullptr : all->if_contains(label.substr(0, equals));
  if (value == nullptr) return false;
  return equals == std::string_view::npos || (value->is_string() && value->get_string() == label.substr(equals + 1));
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

}  // namespace

std::string_view to_string(ConnectorAction action) {
  switch (action) {
    case ConnectorAction::archive: return "archived";
    case ConnectorAction::restore: return "restored";
    case ConnectorAction::remove: return "deleted";
  }
  return "";
}

Result<void> check(ConnectorQuery& query) {
  if (query.status.empty()) return {};
  const auto found = std::ranges::find_if(
      statuses(), [&](const std::string& each) { return equals_ignoring_case(each, query.status); });
  if (found == statuses().end())
    return fail(Fault::invalid, "there is no status \"{}\"{}; there are {}", printable(query.status),
                did_you_mean(query.status, statuses()), join(statuses(), ", "));
  query.status = *found;
  return {};
}

Result<ConnectorQuery> read_query(const std::map<std::string, std::string>& parameters) {
  ConnectorQuery query;
  const std::pair<const char*, std::string*> texts[] = {{"namespace", &query.ns},    {"search", &query.text},
                                                        {"status", &query.status},   {"os", &query.os},
                                                        {"version", &query.version}, {"group", &query.group}};
  for (const auto& [name, text] : texts)
    if (const auto found = parameters.find(name); found != parameters.end()) *text = found->second;
  if (const auto found = parameters.find("label"); found != parameters.end()) query.labels = split(found->second);
  if (const auto found = parameters.find("archived"); found != parameters.end()) {
    if (found->second != "true" && found->second != "false")
      return fail(Fault::invalid, "archived has to be true or false");
    query.archived = found->second == "true";
  }
  PLUMB_CHECK(check(query));
  return query;
}

bool matches(const ConnectorQuery& query, const Value& summary) {
  for (const Equal& each : kEqual) {
    const std::string& wanted = query.*each.wanted;
    if (!wanted.empty() && text_at(summary, each.pointer).value_or("") != wanted) return false;
  }
  if (!query.os.empty() && !is_os(text_at(summary, "/os").value_or(""), query.os)) return false;
  const bool hidden = bool_at(summary, "/archived").value_or(false) && !query.archived && query.status != "Archived";
  if (hidden) return false;
  if (!std::ranges::all_of(query.labels, [&](const std::string& label) { return has_label(summary, label); }))
    return false;
  if (query.text.empty()) return true;
  const std::string text = lower(query.text);
  return std::ranges::any_of(kSearched, [&](const char* pointer) {
    return lower(text_at(summary, pointer).value_or("")).find(text) != std::string::npos;
  });
}

}  // namespace plumb::runtime
