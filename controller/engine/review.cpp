#include "controller/engine/review.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/model/json.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;

constexpr std::string_view kApprovals = "approval/";

Result<std::vector<std::string>> approved_digests(StateStore& store, SystemTime now) {
  PLUMB_TRY(const auto items, store.list(kApprovals));
  std::vector<std::string> digests;
  for (const StateStore::Item& item : items) {
    boost::system::error_code error;
    const Value json = boost::json::parse(item.value, error);
    const auto expires = error ? std::nullopt : text_at(json, "/expires");
    const auto until = expires ? parse_time(*expires) : std::nullopt;
    if (until && now < *until) digests.push_back(item.key.substr(kApprovals.size()));
  }
  return digests;
}

// What counts as having happened, once for each operation: done; perhaps done; found done after a crash. Of all
// targets: a Directory under another name must not begin with a fresh allowance.
std::vector<AuditRecord> history(std::vector<AuditRecord> records) {
  std::map<std::string, Stage> last;
  for (const AuditRecord& record : records)
    if (!record.operation.empty()) last[record.operation] = record.stage;
  std::erase_if(records, [&](const AuditRecord& record) {
    return record.operation.empty() || record.stage != last[record.operation];
  });
  for (AuditRecord& record : records)
    if (record.stage == Stage::settled && !record.actions.empty()) record.stage = Stage::done;
  std::erase_if(records, [](const AuditRecord& record) {
    return record.stage != Stage::done && record.stage != Stage::unknown && record.stage != Stage::intent;
  });
  return records;
}

std::string message_on(const Plan& plan, const ResourceKey& key, Effect effect) {
  std::vector<std::string> parts;
  for (const Verdict& verdict : plan.verdicts)
    if (verdict.effect == effect && !verdict.approved &&
        std::binary_search(verdict.keys.begin(), verdict.keys.end(), key))
      parts.push_back(fmt::format("policy {}: {}", verdict.policy, verdict.message));
  return join(parts, "; ");
}

// The same as long as the same change is withheld for the same reasons: without counts, which vary with the rest of the
// plan.
std::string said_of(const Plan& plan, const Change& change, Effect effect) {
  Array fields;
  for (const FieldChange& field : change.fields) fields.push_back(to_json(field));
  std::string text = std::string(to_string(effect)) + change.handle + '\n' + change.handle_after + canonical(fields);
  for (const Action action : change.actions) text += to_string(action);
  for (const Verdict& verdict : plan.verdicts)
    if (!verdict.approved && std::binary_search(verdict.keys.begin(), verdict.keys.end(), change.key))
      text += '\n' + verdict.policy;
  return sha256(text);
}

template <class Use>
void for_withheld(const Plan& plan, Use use) {
  for (const auto& level : plan.levels)
    for (const Change& change : level)
      if (const auto effect = effect_on(plan, change.key)) use(change, *effect);
}

}  // namespace

Result<void> review_plan(Plan& plan, std::span<const policy::Policy> policies, const Inventory& inventory,
                         StateStore& store, const AuditLog& audit, SystemTime now) {
  plan.verdicts.clear();
  if (policies.empty() || plan.empty()) return {};
  PLUMB_TRY(auto records, audit.since(now - policy::longest_window(policies)));
  PLUMB_TRY(const auto approved, approved_digests(store, now));
  const std::vector<AuditRecord> recent = history(std::move(records));
  policy::Context context;
  for (const auto& [key, owned] : inventory) ++context.owned[key.kind];
  context.recent = recent;
  context.now = now;
  context.approved = approved;
  plan.verdicts = policy::review(policies, plan, context);
  return {};
}

void withhold(const Plan& plan, ChangeResults& results) {
  for_withheld(plan, [&](const Change& change, Effect effect) {
    results[change.key] = {ChangeResult::Fate::skipped,
                           {},
                           effect == Effect::deny ? "DeniedByPolicy" : "HeldForApproval",
                           message_on(plan, change.key, effect),
                           ""};
  });
}

Result<void> record_withheld(const Plan& plan, StateStore& store, AuditLog& audit) {
  const std::string prefix = fmt::format("withheld/{}/", plan.target);
  PLUMB_TRY(const auto items, store.list(prefix));
  std::map<std::string, std::string> said;
  for (const StateStore::Item& item : items) said[item.key] = item.value;

  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  for_withheld(plan, [&](const Change& change, Effect effect) {
    const std::string key = fmt::format("{}{}", prefix, change.key);
    const std::string now = said_of(plan, change, effect);
    const auto before = said.extract(key);
    if (!before.empty() && before.mapped() == now) return;
    AuditRecord record;
    record.stage = effect == Effect::deny ? Stage::denied : Stage::held;
    record.target = plan.target;
    record.plan = plan.digest;
    record.revision = plan.revision;
    record.key = change.key;
    record.actions = change.actions;
    record.id = change.id;
    record.handle = change.handle;
    record.handle_after = change.handle_after;
    record.fields = change.fields;
    record.message = message_on(plan, change.key, effect);
    records.push_back(std::move(record));
    puts.push_back({key, now});
  });
  for (const auto& [key, value] : said) puts.push_back({key, std::nullopt});
  if (!records.empty()) return audit.append(std::move(records), std::move(puts));
  return puts.empty() ? Result<void>() : store.commit(puts);
}

Result<void> approve_plan(AuditLog& audit, const std::string& digest, const std::string& reason, SystemTime expires) {
  if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(Fault::invalid, "\"{}\" is not the digest of a plan (64 hexadecimal digits)", printable(digest));
  AuditRecord record;
  record.stage = Stage::approval;
  record.plan = digest;
  record.message = fmt::format("approved until {}: {}", format_time(expires), reason);
  return audit.append({record}, {{fmt::format("{}{}", kApprovals, digest),
                                  canonical(Object{{"expires", format_time(expires)}, {"reason", reason}})}});
}

}  // namespace plumb::engine
