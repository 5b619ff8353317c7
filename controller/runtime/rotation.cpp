#include "controller/runtime/rotation.h"

#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/log.h"
#include "controller/model/secret_source.h"
#include "controller/runtime/integration_settings.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kPrefix = "runtime/rotation/";

std::string place_of(const ResourceKey& credential) {
  return fmt::format("{}{}/{}", kPrefix, credential.ns, credential.name);
}

bool declares_rotation(const Value& spec) {
  return at(spec, "/rotation/version") != nullptr || at(spec, "/rotation/intervalSeconds") != nullptr;
}

std::optional<Duration> interval_of(const Value& spec) {
  const auto seconds = int_at(spec, "/rotation/intervalSeconds");
  return seconds ? std::optional<Duration>(std::chrono::seconds(*seconds)) : std::nullopt;
}

// The references of all secret sources in the spec of a Credential: they are the members whose names end in "From".
void add_references(const Value& value, std::vector<std::string>& references) {
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& member : *object) {
    if (!std::string_view(member.key()).ends_with("From")) {
      add_references(member.value(), references);
    } else if (auto reference = secret_reference(member.value())) {
      references.push_back(std::move(*reference));
    }
  }
}

}  // namespace

Result<std::optional<Rotation>> read_rotation(StateStore& store, const ResourceKey& credential, const Value& spec) {
  if (!declares_rotation(spec)) return std::optional<Rotation>();
  PLUMB_TRY(const auto item, store.get(place_of(credential)));
  if (!item) return std::optional<Rotation>();
  boost::system::error_code error;
  const Value record = boost::json::parse(item->value, error);
  const auto last = error ? std::nullopt : parse_time(text_at(record, "/at").value_or(""));
  if (!last) return fail(Fault::invalid, "{} in the state is no record of a rotation", item->key);
  Rotation rotation{.version = text_at(record, "/version").value_or(""), .last = *last, .next = {}};
  if (const auto interval = interval_of(spec)) rotation.next = *last + *interval;
  return std::optional(std::move(rotation));
}

bool Rotations::publish(std::shared_ptr<const RegistryView> view) {
  // What was got so far was got for the integrations as they were.
  const auto before = std::exchange(view_, std::move(view));
  bool any = false;
  for (const auto& [key, object] : view_->objects) {
    if (key.kind != "Credential" || !declares_rotation(object->spec)) continue;
    auto known = known_.find(key);
    if (known == known_.end()) {
      auto kept = read_rotation(parts_.store, key, object->spec);
      if (!kept) {
        log::warning("credential.rotation_unknown", "{}: {}", key, kept.error().message);
        // Nothing is dropped because something could not be read: what is damaged is written anew, what cannot be read
        // now is looked at with the next view.
        if (kept.error().fault == Fault::invalid) remember(*object);
        continue;
      }
      if (*kept) known = known_.emplace(key, Known{(*kept)->version, (*kept)->last}).first;
    }
    const std::string version = text_at(object->spec, "/rotation/version").value_or("");
    if (known != known_.end() && known->second.version == version) continue;
    rotate(*object, version.empty() ? Why::interval : Why::version);
    any = true;
  }
  forget_removed();
  return look() || any;
}

bool Rotations::look() {
  if (view_ == nullptr) return false;
  const SystemTime now = parts_.clock.now();
  std::vector<const Registered*> due;
  for (const auto& [key, known] : known_) {
    const Registered* const credential = view_->find(key);
    const auto interval = credential == nullptr ? std::nullopt : interval_of(credential->spec);
    // A clock that was set back must not put it off for longer than the interval.
    if (interval && (now >= known.last + *interval || now < known.last - *interval)) due.push_back(credential);
  }
  for (const Registered* credential : due) rotate(*credential, Why::interval);
  return !due.empty();
}

void Rotations::rotate(const Registered& credential, Why why) {
  std::vector<std::string> references;
  add_references(credential.spec, references);
  for (const std::string& reference : references) parts_.secrets.forget(reference);
  for (const auto& [key, object] : view_->objects) {
    if (key.kind != "Integration" || key.ns != credential.key.ns ||
        text_at(object->spec, "/authentication/credentialRef/name") != credential.key.name)
      continue;
    parts_.drop(key);
    const auto model =
        view_->models.find({"IntegrationModel", key.ns, text_at(object->spec, "/modelRef/name").value_or("")});
    if (model == view_->models.end()) continue;
    // Whichever of its schemes an integration has used.
    for (const auto& scheme : model->second->model().schemes) drop_token(credential.spec, token_name(key, scheme), why);
  }
  const Known known = remember(credential);
  log::info("credential.rotated", "{}: {}; what was got with it is dropped, its secrets are read again", credential.key,
            why == Why::version ? fmt::format("version {}", known.version) : "its interval is over");
}

Rotations::Known Rotations::remember(const Registered& credential) {
  const Known known{text_at(credential.spec, "/rotation/version").value_or(""), parts_.clock.now()};
  known_.insert_or_assign(credential.key, known);
  const Object record{{"version", known.version}, {"at", format_time(known.last)}};
  const std::vector<StateStore::Put> puts = {{place_of(credential.key), canonical(record)}};
  if (const auto kept = parts_.store.commit(puts); !kept)
    log::warning("credential.rotation_not_kept", "{}: {}", credential.key, kept.error().message);
  return known;
}

void Rotations::drop_token(const Value& credential, const std::string& name, Why why) const {
  auto token = parts_.tokens.load(name);
  if (!token) return;
  const bool by_person = text_at(credential, "/type") == "oauth2AuthorizationCode";
  if (!by_person) return parts_.tokens.erase(name);
  const bool given = at(credential, "/oauth2AuthorizationCode/initialAccessTokenFrom") != nullptr ||
                     at(credential, "/oauth2AuthorizationCode/initialRefreshTokenFrom") != nullptr;
  if (why == Why::version && (given || token->refresh == nullptr)) return parts_.tokens.erase(name);
  if (token->refresh == nullptr) return;
  token->expires = SystemTime{};  // long ago: it is renewed before it is used
  if (const auto saved = parts_.tokens.save(name, *token); !saved)
    log::warning("credential.token_not_dropped", "{}: {}", name, saved.error().message);
}

// One that is declared again begins anew.
void Rotations::forget_removed() {
  const auto items = parts_.store.list(kPrefix);
  if (!items) return;  // they are looked at again with the next view
  std::vector<StateStore::Put> puts;
  for (const StateStore::Item& item : *items) {
    const ResourceKey key = parse_key("Credential/" + item.key.substr(kPrefix.size()));
    const Registered* const credential = view_->find(key);
    if (credential != nullptr && declares_rotation(credential->spec)) continue;
    known_.erase(key);
    puts.push_back({item.key, std::nullopt});
  }
  if (puts.empty()) return;
  if (const auto gone = parts_.store.commit(puts); !gone)
    log::warning("credential.rotation_not_kept", "{}", gone.error().message);
}

}  // namespace plumb::runtime
