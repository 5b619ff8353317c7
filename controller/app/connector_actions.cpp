#include "controller/app/connector_actions.h"

#include <algorithm>

#include "controller/app/log_requests.h"
#include "controller/base/text.h"

namespace plumb::app {
namespace {

using runtime::ConnectorAction;
using Said = Result<std::string>;  // what happened, or why nothing did

bool archived_by_manifest(const ConnectorsSeen& seen, const ResourceKey& connector) {
  const runtime::Registered* const applied = seen.applied.find(connector);
  return applied != nullptr && bool_at(applied->spec, "/archived").value_or(false);
}

Said archive(const ConnectorActing& by, const ConnectorsSeen& seen, const ResourceKey& connector) {
  PLUMB_CHECK(check_applied(seen.applied, connector));
  PLUMB_TRY(const bool fresh, link::Archive(by.store).put_away(connector, {by.actor, by.clock.now()}));
  return fresh ? "archived" : "was archived already";
}

Said restore(const ConnectorActing& by, const ConnectorsSeen& seen, const ResourceKey& connector) {
  PLUMB_CHECK(check_applied(seen.applied, connector));
  PLUMB_TRY(const bool was, link::Archive(by.store).take_back(connector));
  if (archived_by_manifest(seen, connector))
    return fail(Fault::invalid, "its manifest says `archived: true`; take that out there");
  return was ? "restored" : "was not archived";
}

Said remove(const ConnectorActing& by, const ConnectorsSeen& seen, const ResourceKey& connector, bool force) {
  link::Identities identities(by.store, by.clock);
  link::Archive archive(by.store);
  const bool declared = seen.applied.find(connector) != nullptr;
  const std::string status = connector_status(seen, connector);
  const bool connected = status == "Online" || status == "Disabled";
  if (connected && !force) return fail(Fault::conflict, "is connected ({}); archive it first, or say --force", status);
  if (status == "Unknown" && !force)
    return fail(Fault::conflict, "was online when its controller was last heard of; say --force to delete it");
  PLUMB_TRY(const auto tokens, identities.tokens());
  PLUMB_TRY(const std::size_t count, identities.revoke(connector));
  PLUMB_TRY(const bool was_archived, archive.take_back(connector));
  PLUMB_TRY(const std::size_t requests, remove_log_requests(by.store, connector));
  const bool had_tokens = std::ranges::any_of(tokens, [&](const auto& each) { return each.connector == connector; });
  if (!declared && count == 0 && !was_archived && !had_tokens && requests == 0)
    PLUMB_CHECK(check_applied(seen.applied, connector));  // never heard of it
  return declared ? "deleted; its manifest is still there, so that it is listed as Pending" : "deleted";
}

}  // namespace

std::vector<ConnectorOutcome> act(const ConnectorActing& by, const ConnectorsSeen& seen, ConnectorAction action,
                                  const std::vector<ResourceKey>& connectors, bool force) {
  std::vector<ConnectorOutcome> all;
  for (const ResourceKey& connector : connectors) {
    const auto said = [&] {
      switch (action) {
        case ConnectorAction::archive: return archive(by, seen, connector);
        case ConnectorAction::restore: return restore(by, seen, connector);
        case ConnectorAction::remove: break;
      }
      return remove(by, seen, connector, force);
    }();
    all.push_back({connector, said.has_value(), said ? *said : said.error().message});
  }
  return all;
}

Value described(const ConnectorOutcome& outcome) {
  return Object{{"namespace", outcome.connector.ns},
                {"name", outcome.connector.name},
                {"done", outcome.done},
                {"message", outcome.message}};
}

}  // namespace plumb::app
