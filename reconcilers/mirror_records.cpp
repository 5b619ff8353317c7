// The mirror between runs: "mirror-head/<target>" holds the cursor and what the records are of,
// "mirror/<target>/<number>" one record of the set each. All that one observation changed is committed at once.
#include <algorithm>
#include <cstdlib>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/model/value.h"
#include "reconcilers/mirror.h"

namespace plumb {
namespace {

// Raised with every change of what a record means, here or in LiveSet or of how an entry becomes an object.
constexpr std::int64_t kForm = 1;

std::string records_of(std::string_view target) { return fmt::format("mirror/{}/", target); }
std::string head_of(std::string_view target) { return fmt::format("mirror-head/{}", target); }

Array list_of(const auto& texts) {
  Array list;
  for (const auto& text : texts) list.emplace_back(text);
  return list;
}

}  // namespace

// What the objects of the set were judged by, besides what is in the directory.
std::string Mirror::settings_digest() const {
  std::string text = options_.installation;
  const auto names = [&](std::string_view what, const std::vector<Dn>& dns) {
    text += fmt::format("\n{}", what);
    for (const Dn& dn : dns) text += "\n " + dn.text();
  };
  names("base", settings_.base_dns);
  names("scope", settings_.managed_scope);
  names("protected", settings_.protected_dns);
  text += "\naccounts";
  for (const std::string& account : settings_.protected_accounts) text += "\n " + account;
  return sha256(text);
}

std::string Mirror::record_key(std::uint32_t number) const {
  return fmt::format("{}{:08x}", records_of(options_.target), number);
}

std::string Mirror::head() const {
  Object privileged;
  for (const auto& [id, group] : surroundings_.privileged) privileged[id] = group;
  return canonical(Object{{"form", kForm},
                          {"settings", settings_digest()},
                          {"cursor", cursor_},
                          {"attributes", list_of(asked_)},
                          {"boundAs", surroundings_.bound_as_id},
                          {"privileged", std::move(privileged)},
                          {"privilegedGroups", list_of(privileged_groups_)},
                          {"verifiedAt", format_time(*verified_at_)},
                          {"since", format_time(since_)},
                          {"read", read_evidence_},
                          {"remark", remark_},
                          {"changes", static_cast<std::int64_t>(changes_)},
                          {"texts", list_of(set().texts())},
                          {"numbers", static_cast<std::int64_t>(set().numbers())},
                          {"objects", static_cast<std::int64_t>(set().size())}});
}

std::vector<StateStore::Put> Mirror::unsaved() const {
  std::vector<StateStore::Put> puts;
  if (!live_) return puts;
  auto records = set().unkept();
  if (head_saved_ && records.empty()) return puts;
  puts.reserve(records.size() + 1);
  for (auto& record : records) puts.push_back({record_key(record.number), std::move(record.bytes)});
  for (std::uint32_t number = set().numbers(); number < stored_numbers_; ++number)
    puts.push_back({record_key(number), std::nullopt});
  puts.push_back({head_of(options_.target), head()});
  return puts;
}

void Mirror::saved() {
  if (!live_) return;
  LiveSet set = take_set();
  set.kept();
  stored_numbers_ = set.numbers();
  head_saved_ = true;
  put_set(std::move(set));
}

Result<void> Mirror::restore(StateStore& store) {
  PLUMB_TRY(const auto head, store.get(head_of(options_.target)));
  PLUMB_TRY(const std::vector<StateStore::Item> records, store.list(records_of(options_.target)));
  for (const StateStore::Item& item : records) {
    const auto number = std::strtoul(item.key.substr(item.key.rfind('/') + 1).c_str(), nullptr, 16);
    stored_numbers_ = std::max(stored_numbers_, static_cast<std::uint32_t>(number) + 1);
  }
  if (!head) return {};
  if (const auto restored = restore_from(head->value, records); !restored) {
    live_.reset();
    log::info("mirror.unusable", "{}: everything is read again: {}", options_.target, restored.error().message);
  }
  return {};
}

Result<void> Mirror::restore_from(const std::string& text, std::span<const StateStore::Item> items) {
  boost::system::error_code error;
  const Value head = boost::json::parse(text, error);
  if (error) return fail(Fault::invalid, "its head is damaged: {}", error.message());
  const auto number = [&](std::string_view pointer) { return int_at(head, pointer).value_or(-1); };
  const auto texts = [&](std::string_view pointer) { return texts_at(head, pointer); };
  if (number("/form") != kForm) return fail(Fault::invalid, "it was kept in another form");
  if (text_at(head, "/settings") != settings_digest())
    return fail(Fault::invalid, "it was kept with other settings of the Directory");
  const auto verified = parse_time(text_at(head, "/verifiedAt").value_or(""));
  const auto cursor = text_at(head, "/cursor");
  if (!verified || !cursor || number("/changes") < 0 || number("/numbers") < 0)
    return fail(Fault::invalid, "its head is damaged");

  std::vector<LiveSet::Record> records;
  records.reserve(items.size());
  for (const StateStore::Item& item : items) {
    const std::string digits = item.key.substr(item.key.rfind('/') + 1);
    records.push_back({static_cast<std::uint32_t>(std::strtoul(digits.c_str(), nullptr, 16)), item.value});
  }
  PLUMB_TRY(LiveSet set, LiveSet::from_kept(texts("/texts"), static_cast<std::uint32_t>(number("/numbers")), records));
  if (static_cast<std::int64_t>(set.size()) != number("/objects"))
    return fail(Fault::invalid, "it holds {} objects and should hold {}", set.size(), number("/objects"));

  const auto asked = texts("/attributes"), groups = texts("/privilegedGroups");
  asked_ = Names(asked.begin(), asked.end());
  privileged_groups_ = {groups.begin(), groups.end()};
  surroundings_.bound_as_id = text_at(head, "/boundAs").value_or("");
  surroundings_.privileged.clear();
  if (const Value* const privileged = at(head, "/privileged"); privileged != nullptr && privileged->is_object())
    for (const auto& [id, group] : privileged->get_object())
      surroundings_.privileged.emplace(std::string(id), group.is_string() ? std::string(group.get_string()) : "");
  cursor_ = *cursor;
  verified_at_ = verified;
  since_ = parse_time(text_at(head, "/since").value_or("")).value_or(clock_.now());
  read_evidence_ = text_at(head, "/read").value_or("");
  remark_ = text_at(head, "/remark").value_or("");
  changes_ = static_cast<std::uint64_t>(number("/changes"));
  whole_ = true;
  head_saved_ = true;
  put_set(std::move(set));
  return {};
}

}  // namespace plumb
