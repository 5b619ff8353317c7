#include "controller/app/tree_policies.h"

#include <boost/json/parse.hpp>

#include "controller/model/json.h"

namespace plumb::app {
namespace {

constexpr std::string_view kItem = "tree-policies";

// The key of each policy and its file.
Result<Texts> known_policies(StateStore& store) {
  PLUMB_TRY(const auto item, store.get(kItem));
  Texts known;
  if (!item) return known;
  boost::system::error_code error;
  const Value json = boost::json::parse(item->value, error);
  if (error || !json.is_object())
    return fail(Fault::internal, "the state's list of policies is damaged; restore the state from a backup");
  for (const auto& [key, file] : json.as_object())
    if (file.is_string()) known[std::string(key)] = std::string(file.as_string());
  return known;
}

}  // namespace

Result<void> check_tree_policies(const Snapshot& snapshot, StateStore& store, bool note) {
  PLUMB_TRY(const Texts known, known_policies(store));
  Texts now;
  each_of_kind(snapshot, "Policy", [&](const Resource& policy) { now[to_string(policy.key)] = policy.at.file; });
  if (!snapshot.complete()) {
    for (const auto& [key, file] : known) {
      if (now.contains(key)) continue;
      return fail(Fault::invalid,
                  "{} ({}) was among the manifests and is not now, while not all of them can be read; nothing is "
                  "written without the guard rails it describes: correct the manifests first",
                  key, file);
    }
  }
  if (!note || now == known) return {};
  Object json;
  for (const auto& [key, file] : now) json[key] = file;
  const std::vector<StateStore::Put> puts = {{std::string(kItem), canonical(json)}};
  return store.commit(puts);
}

}  // namespace plumb::app
