#include <charconv>

#include "controller/base/text.h"
#include "controller/model/flags.h"
#include "controller/model/json.h"
#include "controller/model/json_members.h"

namespace plumb {
namespace {

std::uint32_t bits_of(const std::vector<std::string>& values) {
  std::int64_t number = 0;
  if (!values.empty()) {
    const std::string& text = values.front();
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return static_cast<std::uint32_t>(number);
}

Value field_for_review(const FieldChange& field) {
  Object json = to_json(field).as_object();
  if (field.sensitive) {
    json["removed"] = json::list(std::vector<std::string>(field.removed.size(), "(sensitive)"));
    json["added"] = json::list(std::vector<std::string>(field.added.size(), "(sensitive)"));
  } else if (equals_ignoring_case(field.name, "userAccountControl")) {
    const std::uint32_t before = bits_of(field.removed), after = bits_of(field.added);
    json["flagsSet"] = json::list(account_flag_names(after & ~before));
    json["flagsCleared"] = json::list(account_flag_names(before & ~after));
  }
  return json;
}

}  // namespace

Value review_json(const Change& change) {
  Change shown = change;
  shown.after = {};
  shown.live_version.clear();
  shown.fields.clear();
  Object json = to_json(shown).as_object();
  json["kind"] = json::bytes(change.key.kind);
  json["namespace"] = json::bytes(change.key.ns);
  json["name"] = json::bytes(change.key.name);
  Array fields;
  for (const FieldChange& field : change.fields) fields.push_back(field_for_review(field));
  json["fields"] = std::move(fields);
  return json;
}

}  // namespace plumb
