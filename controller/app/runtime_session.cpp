#include "controller/app/runtime_session.h"

#include "controller/app/lanes.h"
#include "controller/app/secret_access.h"
#include "controller/app/trust.h"
#include "controller/base/log.h"
#include "controller/base/text.h"

namespace plumb::app {

Result<std::unique_ptr<RuntimeSession>> open_runtime(const GlobalOptions& options, std::string_view purpose,
                                                     bool calls) {
  auto session = std::make_unique<RuntimeSession>();
  PLUMB_TRY(session->state, open_beside(options.state, purpose, session->clock));
  PLUMB_TRY(session->registry, open_registry(session->state->store(), session->documents, session->clock));
  if (!calls) return session;
  PLUMB_TRY(session->secrets, open_secrets(options, &session->documents));
  RuntimeOptions hosting{.egress = options.egress};
  hosting.state = options.state;
  PLUMB_TRY(session->host, RuntimeHost::start(hosting, {.registry = *session->registry,
                                                        .secrets = *session->secrets,
                                                        .state = *session->state,
                                                        .clock = session->clock}));
  return session;
}

Result<void> note_done(State& state, const ResourceKey& key, const std::string& message) {
  AuditRecord record;
  record.stage = AuditRecord::Stage::note;
  record.target = to_string(runtime_key());
  record.actor = current_actor();
  record.key = key;
  record.message = message;
  return state.audit().append({std::move(record)});
}

void RuntimeSession::note(const ResourceKey& key, const std::string& message) const {
  if (const auto kept = note_done(*state, key, message); !kept) log::warning("audit.lost", "{}", kept.error().message);
}

Result<ResourceKey> integration_named(const RuntimeSession& session, const GlobalOptions& options,
                                      const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string first = slash == std::string::npos ? "" : text.substr(0, slash);
  const bool is_kind = lower(first) == "integration" || lower(first) == "integrations";
  const std::string standard = options.ns.empty() ? "default" : options.ns;
  const ResourceKey key{"Integration", first.empty() || is_kind ? standard : first,
                        slash == std::string::npos ? text : text.substr(slash + 1)};
  const auto view = session.registry->view();
  if (view->find(key) != nullptr) return key;
  std::vector<std::string> known;
  for (const auto& [other, object] : view->objects)
    if (other.kind == "Integration" && other.ns == key.ns) known.push_back(other.name);
  return fail(Fault::not_found, "no Integration \"{}\" was applied in namespace \"{}\"{}", printable(key.name),
              printable(key.ns),
              known.empty() ? "; declare it and run `plumbline apply`" : did_you_mean(key.name, known));
}

}  // namespace plumb::app
