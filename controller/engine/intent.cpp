#include "controller/engine/intent.h"

#include <algorithm>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/engine/inventory.h"
#include "controller/model/dn.h"
#include "controller/model/json.h"

namespace plumb::engine {
namespace {

std::string prefix_of(std::string_view target) { return fmt::format("intent/{}/", target); }

Result<Intent> read_intent(const StateStore::Item& item) {
  boost::system::error_code error;
  const Value json = boost::json::parse(item.value, error);
  const Value* change = error ? nullptr : at(json, "/change");
  const auto operation = error ? std::nullopt : text_at(json, "/operation");
  if (change == nullptr || !operation) return fail(Fault::invalid, "{} in the state store cannot be read", item.key);
  Intent intent;
  intent.operation = *operation;
  auto read = change_from_json(*change);
  if (!read) return in_context(item.key, read.error());
  intent.change = std::move(*read);
  if (const Value* prior = at(json, "/prior")) {
    auto owned = owned_from_json(*prior);
    if (!owned) return in_context(item.key, owned.error());
    intent.prior = std::move(*owned);
  }
  intent.vantage = text_at(json, "/vantage").value_or("");
  return intent;
}

// What of the record speaks of the object alone, whatever becomes of the change.
Owned base_record(const Intent& intent) {
  if (intent.prior) return *intent.prior;
  Owned owned = intent.change.after;
  owned.digest.clear();
  owned.once.clear();
  owned.attributes.clear();
  owned.links.clear();
  return owned;
}

const LiveObject* find_created(const Intent& intent, const LiveSet& live,
                               const std::function<std::string(const LiveObject&)>& created_by) {
  for (const LiveObject* candidate :
       {live.by_identity(intent.change.after.identity), live.by_handle(intent.change.handle_after)})
    if (candidate != nullptr && created_by(*candidate) == intent.operation) return candidate;
  // Renamed or moved by someone since.
  const LiveObject* found = nullptr;
  live.for_each([&](const LiveSet::View& each) {
    if (found == nullptr && created_by(each.decoded()) == intent.operation) found = &each.object();
  });
  return found;
}

// Where later writes of a creation were not done, what it lacks is still to be declared, and nobody else's change.
bool is_whole(const Change& change, const LiveObject& object, std::span<const AttributeRule> rules,
              const LiveSet& live) {
  return std::all_of(change.fields.begin(), change.fields.end(), [&](const FieldChange& field) {
    return field.blind || field.sensitive || fit_of(field, object, rule_for(rules, field.name), live).fit == Fit::after;
  });
}

Settlement settle_creation(const Intent& intent, const LiveObject* object, std::span<const AttributeRule> rules,
                           const LiveSet& live) {
  if (object == nullptr) {
    return {false, claim_of(intent),
            fmt::format("not applied: {} is not in the directory", intent.change.handle_after)};
  }
  auto record = record_after(intent, object->id);
  record->handle = object->handle;
  if (!is_whole(intent.change, *object, rules, live)) record->digest.clear();
  return {true, std::move(record), fmt::format("applied: {} carries our marker", object->handle)};
}

Settlement settle_modification(const Intent& intent, const LiveObject* object, std::span<const AttributeRule> rules,
                               const LiveSet& live) {
  const Change& change = intent.change;
  if (object == nullptr) {
    if (change.does(Action::remove)) return {true, std::nullopt, fmt::format("applied: {} is gone", change.handle)};
    return {false, record_refused(intent), fmt::format("not applied: {} is not in the directory", change.handle)};
  }
  Change comparable = change;
  std::erase_if(comparable.fields, [](const FieldChange& field) { return field.blind || field.sensitive; });
  const bool blind = comparable.fields.size() != change.fields.size();
  const ChangeFit fit = fit_of(comparable, *object, rules, live);
  const bool compared = !comparable.fields.empty() || change.handle != change.handle_after || !blind;
  if (fit.fit == Fit::after && compared && !change.does(Action::remove)) {
    Owned record = change.after;
    record.id = object->id;
    record.handle = object->handle;
    if (blind) {  // what cannot be compared is written once more
      record.once = base_record(intent).once;
      record.digest = base_record(intent).digest;
    }
    return {true, std::move(record),
            blind ? "applied; what cannot be compared (a password) is written again" : "applied"};
  }
  // What it would have made ours stays claimed: this server may not have heard of the write yet. Claims that
  // turn out to have no use are given up slowly (claims.h).
  Owned record = claim_of(intent);
  record.id = object->id;
  record.handle = object->handle;
  if (fit.fit != Fit::neither && !intent.prior && change.does(Action::adopt))
    return {false, std::nullopt, "not applied: it was not taken over"};
  const std::string why = compared ? fit.why : std::string("what it writes cannot be compared, and is written again");
  return {false, std::move(record), why.empty() ? "not applied" : "not applied: " + why};
}

}  // namespace

std::string operation_name(std::string_view target, const ResourceKey& key, std::uint64_t sequence) {
  return fmt::format("{}{:x}", operation_stem(target, key), sequence);
}

std::string operation_stem(std::string_view target, const ResourceKey& key) {
  return sha256(fmt::format("{}\n{}", target, key)).substr(0, 12) + '-';
}

StateStore::Put put_of(std::string_view target, const Intent& intent) {
  Object json{{"operation", intent.operation}, {"change", to_json(intent.change)}};
  if (intent.prior) json["prior"] = to_json(*intent.prior);
  if (!intent.vantage.empty()) json["vantage"] = intent.vantage;
  return {prefix_of(target) + intent.operation, canonical(json)};
}

StateStore::Put removal_of(std::string_view target, const Intent& intent) {
  return {prefix_of(target) + intent.operation, std::nullopt};
}

std::vector<StateStore::Put> puts_of(std::string_view target, const Intent& intent,
                                     const std::optional<Owned>& record) {
  std::vector<StateStore::Put> puts;
  std::set<ResourceKey> stale{intent.change.key};
  if (intent.prior) stale.insert(intent.prior->key);
  if (record) {
    stale.erase(record->key);
    puts.push_back(put_of(target, *record));
  }
  for (const ResourceKey& key : stale) puts.push_back(removal_of(target, key));
  return puts;
}

void record_in(Inventory& inventory, const Intent& intent, const std::optional<Owned>& record) {
  inventory.erase(intent.change.key);
  if (intent.prior) inventory.erase(intent.prior->key);
  if (record) keep_in(inventory, *record);
}

Result<std::vector<Intent>> read_intents(StateStore& store, std::string_view target) {
  PLUMB_TRY(const auto items, store.list(prefix_of(target)));
  std::vector<Intent> intents;
  for (const StateStore::Item& item : items) {
    PLUMB_TRY(Intent intent, read_intent(item));
    intents.push_back(std::move(intent));
  }
  return intents;
}

AuditRecord record_of(const Intent& intent, AuditRecord::Stage stage, const Plan& plan) {
  AuditRecord record;
  record.stage = stage;
  record.operation = intent.operation;
  record.target = plan.target;
  record.plan = plan.digest;
  record.revision = plan.revision;
  record.key = intent.change.key;
  record.actions = intent.change.actions;
  record.id = intent.change.id;
  record.handle = intent.change.handle;
  record.handle_after = intent.change.handle_after;
  record.fields = intent.change.fields;
  return record;
}

Owned claim_of(const Intent& intent) {
  const Change& change = intent.change;
  if (change.does(Action::create)) {
    Owned claim = change.after;
    claim.id.clear();
    claim.operation = intent.operation;
    claim.created = true;
    claim.digest.clear();
    return claim;
  }
  Owned claim = base_record(intent);
  claim.key = change.key;
  claim.id = change.id;
  claim.attributes.insert(change.after.attributes.begin(), change.after.attributes.end());
  for (const auto& [name, links] : change.after.links) claim.links[name].insert(links.begin(), links.end());
  claim.disabled_by_us = claim.disabled_by_us || change.after.disabled_by_us;
  return claim;
}

std::optional<Owned> record_after(const Intent& intent, const std::string& id) {
  if (intent.change.does(Action::remove) || intent.change.does(Action::forget)) return {};
  Owned record = intent.change.after;
  if (!id.empty()) record.id = id;
  record.handle = intent.change.handle_after;
  if (intent.change.does(Action::create)) {
    record.operation = intent.operation;
    record.created = true;
  }
  return record;
}

std::optional<Owned> record_refused(const Intent& intent) {
  if (intent.prior) return intent.prior;
  if (intent.change.does(Action::create) || intent.change.does(Action::adopt)) return {};
  return claim_of(intent);
}

Settlement settle(const Intent& intent, const LiveSet& live, std::span<const Reconciler* const> kinds,
                  const std::function<std::string(const LiveObject&)>& created_by) {
  const auto rules = rules_of(kinds, intent.change.key.kind);
  if (intent.change.does(Action::create))
    return settle_creation(intent, find_created(intent, live, created_by), rules, live);
  return settle_modification(intent, live.by_id(intent.change.id), rules, live);
}

void add_interest(const Change& change, Interest& interest) {
  for (const FieldChange& field : change.fields) {
    interest.attributes.insert(field.name);
    if (!field.link) continue;
    for (const auto* values : {&field.removed, &field.added})
      for (const std::string& value : *values) interest.handles.push_back(parse_link(value).dn);
  }
  if (!change.id.empty()) interest.ids.push_back(change.id);
  if (!change.after.identity.value.empty()) interest.identities.push_back(change.after.identity);
  // The place of something new need not be looked up: what is in scope is read, and the target refuses the rest.
  if (change.does(Action::create)) return;
  for (const std::string& handle : {change.handle, change.handle_after})
    if (!handle.empty()) interest.handles.push_back(handle);
}

}  // namespace plumb::engine
