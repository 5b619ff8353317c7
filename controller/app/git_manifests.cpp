#include "controller/app/git_manifests.h"

#include <fstream>
#include <iterator>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/app/state.h"
#include "controller/base/digest.h"
#include "controller/manifest/yaml.h"

namespace plumb::app {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20U;  // bytes

std::string permission_key(const ResourceKey& source) { return fmt::format("source-accept/{}", source); }

std::string name_of(const git::Reference& reference) {
  switch (reference.kind) {
    case git::Reference::Kind::branch:
      return reference.name.empty() ? "the default branch" : "branch " + reference.name;
    case git::Reference::Kind::tag: return "tag " + reference.name;
    case git::Reference::Kind::semver: return "versions " + reference.name;
    case git::Reference::Kind::commit: return "commit " + reference.name.substr(0, 12);
  }
  return "";
}

}  // namespace

Result<std::shared_ptr<const Resource>> read_source_file(const std::filesystem::path& file,
                                                         const schema::Registry& kinds) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) return fail(Fault::not_found, "--source {}: the file cannot be read", file.string());
  if (text.size() > kLargestFile) return fail(Fault::invalid, "--source {}: is no manifest", file.string());
  auto parsed = manifest::parse_yaml(text, file.string());
  if (has_errors(parsed.diagnostics)) return fail(Fault::invalid, "{}", to_string(parsed.diagnostics.front()));
  if (parsed.documents.size() != 1)
    return fail(Fault::invalid, "--source {}: one GitRepository is expected, and nothing else", file.string());
  auto& document = parsed.documents.front();
  if (const auto kind = text_at(document.value, "/kind").value_or(""); kind != "GitRepository")
    return fail(Fault::invalid, "{}: expected a GitRepository, this is a {}", to_string(document.at),
                kind.empty() ? "document without a kind" : kind);
  if (const auto problems = kinds.validate_and_default(document.value); !problems.empty())
    return fail(Fault::invalid, "{}: {}: {}", to_string(document.at), problems.front().pointer,
                problems.front().message);
  auto resource = std::make_shared<Resource>();
  resource->key = {"GitRepository", text_at(document.value, "/metadata/namespace").value_or("default"),
                   text_at(document.value, "/metadata/name").value_or("")};
  resource->api_version = text_at(document.value, "/apiVersion").value_or("");
  resource->digest = sha256(canonical(document.value));
  resource->spec = document.value.at("spec");
  resource->at = document.at;
  return resource;
}

GitManifests::GitManifests(std::shared_ptr<const Resource> resource, SourceUse use,
                           std::unique_ptr<SecretStore> secrets)
    : resource_(std::move(resource)), use_(use), secrets_(std::move(secrets)) {}

Result<std::unique_ptr<GitManifests>> GitManifests::open(const std::filesystem::path& file,
                                                         const schema::Registry& kinds,
                                                         const std::filesystem::path& state, SourceUse use,
                                                         std::unique_ptr<SecretStore> secrets) {
  PLUMB_TRY(auto resource, read_source_file(file, kinds));
  std::unique_ptr<GitManifests> source(new GitManifests(std::move(resource), use, std::move(secrets)));
  const auto in_file = [&](Error error) { return in_context(to_string(source->resource_->at), std::move(error)); };
  auto settings = git::git_settings(*source->resource_);
  if (!settings) return in_file(std::move(settings).error());
  if (const Value* webhook = at(source->resource_->spec, "/webhook"); webhook != nullptr) {
    const ResourceKey& key = source->resource_->key;
    auto hook = webhook_settings(to_string(key), key.name, *webhook);
    if (!hook) return in_file(std::move(hook).error());
    source->webhook_ = std::move(*hook);
  }
  PLUMB_CHECK(make_state_directory(state));
  PLUMB_TRY(source->repository_,
            git::GitSource::open(std::move(*settings), {.state_directory = state, .remember = use == SourceUse::follow},
                                 *source->secrets_));
  return source;
}

std::string GitManifests::description() const {
  const auto& settings = repository_->settings();
  return fmt::format("{} of {}{}", name_of(settings.ref), settings.url,
                     settings.path.empty() ? "" : ", " + settings.path);
}

Result<void> GitManifests::take_permission() {
  if (permissions_ == nullptr) return {};
  PLUMB_TRY(const auto item, permissions_->get(permission_key(resource_->key)));
  if (!item) return {};
  boost::system::error_code error;
  const Value json = boost::json::parse(item->value, error);
  return repository_->allow_rewind(error ? "" : text_at(json, "/move").value_or(""));
}

Result<std::string> GitManifests::head(Deadline deadline) {
  if (use_ == SourceUse::stored) {
    if (std::string taken = repository_->accepted(); !taken.empty()) return taken;
  }
  return repository_->head(deadline);
}

Result<TreeDelta> GitManifests::read(const std::string& since, Deadline deadline) {
  problem_.reset();
  const std::string taken = repository_->accepted();
  if (use_ == SourceUse::stored && !taken.empty()) return repository_->history().tree(taken, since, deadline);
  PLUMB_CHECK(take_permission());
  auto delta = repository_->read(since, deadline);
  if (delta || taken.empty() || !since.empty()) return delta;
  auto kept = repository_->history().tree(taken, "", deadline);
  if (!kept) return delta;  // the first problem is the one to tell
  problem_ = std::move(delta).error();
  return kept;
}

StateStore::Put accept_move(const ResourceKey& source, const git::Rewind& move, const std::string& actor) {
  return {permission_key(source), canonical(Object{{"move", move.from + ".." + move.to}, {"actor", actor}})};
}

}  // namespace plumb::app
