#include "controller/app/platform_lane.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "controller/app/lanes.h"
#include "controller/base/digest.h"
#include "controller/base/seal.h"
#include "controller/manifest/document.h"
#include "controller/net/http_client.h"
#include "controller/net/loop.h"
#include "controller/runtime/blocking.h"
#include "controller/runtime/documents.h"
#include "controller/runtime/platform_target.h"
#include "reconcilers/marker.h"

namespace plumb::app {
namespace {

// Where both lead to the same place. A name and its address are not seen to be one.
bool same_place(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port && a.path == b.path;
}

// The canonical texts of documents that changes name: the latest of each title and version.
class ImportTexts {
 public:
  std::string keep(const Value& document) {
    const std::string digest = texts_.put(std::make_shared<const std::string>(canonical(document)));
    digests_[text_at(document, "/info/title").value_or("") + ':' + text_at(document, "/info/version").value_or("")] =
        digest;
    std::set<std::string> used;
    for (const auto& [name, each] : digests_) used.insert(each);
    texts_.declared(std::move(used));
    return digest;
  }
  DocumentStore& store() { return texts_; }

 private:
  runtime::Documents texts_;
  std::map<std::string, std::string> digests_;
};

Result<runtime::PlatformInput> input_of(const Resource& integration, const Resource* credential,
                                        runtime::PlatformTemplate model, const Resource& platform) {
  runtime::PlatformInput input{integration.key.name, &integration.spec,
                               credential == nullptr ? nullptr : &credential->spec, std::move(model)};
  if (const auto version = text_at(platform.spec, "/version")) {
    PLUMB_TRY(input.version, runtime::parse_platform_version(*version));
  }
  return input;
}

const Resource* credential_of(const Resource& resource, const Snapshot& snapshot) {
  const auto name = text_at(resource.spec, "/authentication/credentialRef/name");
  return name ? snapshot.find({"Credential", resource.key.ns, *name}) : nullptr;
}

}  // namespace

std::vector<ResourceKey> platforms_of(const Snapshot& snapshot, const std::string& ns) {
  std::vector<ResourceKey> keys;
  const auto consider = [&](const ResourceKey& key) {
    if (key.kind == "IntegrationPlatform" && (ns.empty() || key.ns == ns)) keys.push_back(key);
  };
  each_of_kind(snapshot, "IntegrationPlatform", [&](const Resource& resource) { consider(resource.key); });
  for (const auto& key : snapshot.held)
    if (snapshot.find(key) == nullptr) consider(key);
  return keys;
}

Result<runtime::PlatformSettings> platform_settings_of(const ResourceKey& key, const Snapshot& snapshot) {
  const Resource* const resource = snapshot.find(key);
  if (resource == nullptr || snapshot.held.contains(key))
    return fail(Fault::invalid, "{} is held: its manifest, or one it refers to, has errors", key);
  auto settings = runtime::platform_settings(*resource, snapshot);
  if (!settings) return in_context(to_string(key), std::move(settings).error());
  std::string same;
  each_of_kind(snapshot, "IntegrationPlatform", [&](const Resource& other) {
    if (other.key == key || !same.empty()) return;
    const auto theirs = runtime::platform_settings(other, snapshot);
    if (theirs && same_place(theirs->url, settings->url)) same = fmt::format("{} ({})", other.key, to_string(other.at));
  });
  if (!same.empty()) return fail(Fault::invalid, "{}: /spec/url: is also that of {}; declare it once", key, same);
  return settings;
}

std::string platform_wiring_of(const ResourceKey& key, const Snapshot& snapshot) {
  std::string all;
  const auto add = [&](const Resource* resource) {
    if (resource == nullptr) return;
    all += to_string(resource->key) + " " + resource->digest;
    all += snapshot.held.contains(resource->key) ? " held\n" : "\n";
  };
  // The others, as they must not have the same URL.
  std::set<const Resource*> credentials;
  each_of_kind(snapshot, "IntegrationPlatform", [&](const Resource& platform) {
    add(&platform);
    if (platform.key == key) credentials.insert(credential_of(platform, snapshot));
  });
  each_of_kind(snapshot, "Integration", [&](const Resource& integration) {
    if (on_platform(integration, key)) credentials.insert(credential_of(integration, snapshot));
  });
  each_of_kind(snapshot, "Credential", [&](const Resource& credential) {
    if (credentials.contains(&credential)) add(&credential);
  });
  each_of_kind(snapshot, "Policy", [&](const Resource& policy) { add(&policy); });
  return sha256(all);
}

PlatformForms platform_forms(DocumentStore& documents, std::function<std::string(const Value& document)> keep) {
  const auto document = [&documents](const Resource& model) -> Result<std::shared_ptr<const Value>> {
    const auto digest = text_at(model.spec, "/document/sha256");
    if (!digest) return fail(Fault::invalid, "/spec/document: is not here");
    auto content = documents.get(*digest);
    if (!content) return in_context("/spec/document", std::move(content).error());
    auto read = manifest::parse_document(**content);
    if (!read) return in_context("/spec/document", std::move(read).error());
    return std::make_shared<const Value>(std::move(*read));
  };
  const auto version_id = [](const Value& read) -> Result<std::string> {
    auto made = runtime::platform_template(read);
    if (!made) return in_context("/spec/document", std::move(made).error());
    return made->version_id();
  };
  const auto attributes = [](const Resource& integration, const Resource* credential, const Value& read,
                             const Resource& platform) -> Result<std::map<std::string, std::string>> {
    PLUMB_TRY(auto model, runtime::platform_template(read));
    PLUMB_TRY(const auto input, input_of(integration, credential, std::move(model), platform));
    return runtime::platform_attributes(input);
  };
  return {.document = document, .keep = std::move(keep), .version_id = version_id, .attributes = attributes};
}

Result<std::vector<std::string>> platform_warnings(const Resource& integration, const Snapshot& snapshot,
                                                   const openapi::Model& model, const Resource& platform) {
  PLUMB_TRY(const auto input,
            input_of(integration, credential_of(integration, snapshot), runtime::platform_template(model), platform));
  PLUMB_TRY(auto output, runtime::to_platform(input));
  return std::move(output.warnings);
}

// In the order in which it is made; what stands on the loop goes once that has stopped.
struct PlatformSide::Running {
  Running(runtime::PlatformSettings given, const Parts& from, net::Egress egress)
      : parts(from),
        settings(std::move(given)),
        route(std::make_shared<const HttpRoute>(HttpRoute{.tls = settings.tls})),
        client(loop, {.egress = std::move(egress)}),
        kinds(settings.key,
              platform_forms(parts.documents, [this](const Value& document) { return imports.keep(document); })) {}
  ~Running() { loop.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  HttpSender::Answer send(HttpRequest request, Deadline deadline) {
    HttpLimits limits = settings.limits;
    limits.timeout = std::min(limits.timeout, deadline.left(parts.clock.steady()));
    return runtime::send_and_wait(loop, client, std::move(request), route, limits, deadline);
  }

  Parts parts;
  runtime::PlatformSettings settings;
  std::shared_ptr<const HttpRoute> route;
  net::Loop loop;
  net::HttpClient client;
  ImportTexts imports;
  PlatformKinds kinds;
};

PlatformSide::PlatformSide(std::unique_ptr<Running> running) : running_(std::move(running)) {}
PlatformSide::~PlatformSide() = default;

Result<std::unique_ptr<PlatformSide>> PlatformSide::open(runtime::PlatformSettings settings, const Parts& parts) {
  auto egress = net::Egress::parse(parts.egress);
  if (!egress) return in_context("--allow-egress", std::move(egress).error());
  return std::unique_ptr<PlatformSide>(
      new PlatformSide(std::make_unique<Running>(std::move(settings), parts, std::move(*egress))));
}

std::unique_ptr<Target> PlatformSide::make_target() {
  Running* const side = running_.get();
  const Installation here = side->parts.state.installation();
  // Another key than the one that markers are signed with: hashes of secrets stand on the Platform for all to see.
  const Secret secret_key = hkdf_sha256(here.key, here.id, "plumbline platform secrets v1");
  return runtime::make_platform_target(
      side->settings,
      {.send = [side](HttpRequest request, Deadline deadline) { return side->send(std::move(request), deadline); },
       .secrets = side->parts.secrets,
       .documents = side->imports.store(),
       .clock = side->parts.clock,
       .kinds = side->kinds.kinds(),
       .may_recreate = [side](const ResourceKey& model) { return side->kinds.may_recreate(model); },
       .mark = [here](std::string_view operation) { return marker_text(here, operation); },
       .operation_in = [here](std::string_view marker) { return std::string(operation_in(marker, here)); },
       .secret_key = std::string(secret_key.reveal())});
}

}  // namespace plumb::app
