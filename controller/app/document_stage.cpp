#include "controller/app/document_stage.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <tuple>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/manifest/document.h"
#include "controller/manifest/loader.h"

namespace plumb::app {
namespace {

// The kinds that may name documents.
constexpr std::string_view kKinds[] = {"Credential", "GatewayConfiguration", "Integration", "IntegrationModel",
                                       "IntegrationPlatform"};
// Nothing else goes on meanwhile, in a controller not even for the directories: a little, and then less and less often.
constexpr Duration kFetching = std::chrono::seconds(20);
constexpr Duration kAskingAgain = std::chrono::seconds(5);
constexpr Duration kFirstPause = std::chrono::seconds(1), kLongestPause = std::chrono::minutes(15);
constexpr std::string_view kMethods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};

template <class Use>
void for_sops(const Value& value, const std::string& pointer, Use use) {
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [name, member] : *object) {
    if (name == "advanced") continue;  // free JSON
    const std::string below = pointer + '/' + pointer_token(name);
    if (name == "sops") {
      use(below, member);
    } else {
      for_sops(member, below, use);
    }
  }
}

std::int64_t count_operations(const Value& document) {
  std::int64_t count = 0;
  const Value* const paths = at(document, "/paths");
  if (paths == nullptr || !paths->is_object()) return 0;
  for (const auto& path : paths->get_object())
    if (const auto* item = path.value().if_object())
      for (const std::string_view method : kMethods) count += item->contains(method) ? 1 : 0;
  return count;
}

void sort_by_place(Diagnostics& diagnostics) {
  const auto order = [](const Diagnostic& d) { return std::tie(d.at, d.path, d.severity, d.message); };
  std::sort(diagnostics.begin(), diagnostics.end(),
            [&](const Diagnostic& a, const Diagnostic& b) { return order(a) < order(b); });
}

}  // namespace

// One snapshot.
class DocumentStage::Pass {
 public:
  Pass(DocumentStage& stage, std::shared_ptr<const Snapshot> before, const std::map<std::string, std::string>& files,
       const TreeDelta& delta, const ReadFile& read)
      : stage_(stage), before_(std::move(before)), files_(files), delta_(delta), read_(read) {}

  std::shared_ptr<const Snapshot> run() {
    stage_.missing_.clear();
    stage_.urls_.allow(kFetching);
    std::map<ResourceKey, Staged> staged;
    for (const std::string_view kind : kKinds) {
      const auto& all = before_->resources;
      for (auto each = all.lower_bound({std::string(kind), "", ""}); each != all.end() && each->first.kind == kind;
           ++each) {
        std::vector<Named> named = named_by(*each->second);
        if (!named.empty()) staged.emplace(each->first, stage(each->second, std::move(named)));
      }
    }
    stage_.staged_ = std::move(staged);
    if (next_ == nullptr) return before_;
    hold_referrers();
    sort_by_place(next_->diagnostics);
    return next_;
  }

 private:
  std::vector<Named> named_by(const Resource& resource) {
    std::vector<Named> named;
    const auto add = [&](std::string pointer, const std::string& path) {
      const auto file = files_.find(path);
      named.push_back({std::move(pointer), path, "", file == files_.end() ? "" : file->second});
    };
    if (const auto path = text_at(resource.spec, "/document/file")) add("/document", *path);
    if (const Value* text = at(resource.spec, "/document/inline"))
      named.push_back({"/document", "", "", digest_of(resource, *text)});
    if (const auto url = text_at(resource.spec, "/document/url"))
      if (auto digest = text_at(resource.spec, "/document/sha256"); digest && can_look(*url, *digest))
        named.push_back({"/document", "", *url, std::move(*digest)});
    if (resource.key.kind != "IntegrationModel")
      for_sops(resource.spec, "", [&](const std::string& pointer, const Value& sops) {
        if (const auto path = text_at(sops, "/file")) add(pointer, *path);
      });
    return named;
  }

  // False: nobody wants it to be fetched, and it is not here.
  bool can_look(const std::string& url, const std::string& digest) {
    if (stage_.urls_.use() == UrlDocuments::Use::fetch || stage_.documents_.has(digest)) return true;
    const auto kept = stage_.urls_.get(url, digest);
    if (kept) stage_.documents_.put(*kept);
    return kept.has_value();
  }

  // A document that is written in the manifest is put once, in the form that its digest is of.
  std::string digest_of(const Resource& resource, const Value& text) {
    const auto known = stage_.staged_.find(resource.key);
    if (known != stage_.staged_.end() && known->second.source.get() == &resource &&
        stage_.documents_.has(known->second.named.front().digest))
      return known->second.named.front().digest;
    return stage_.documents_.put(std::make_shared<const std::string>(canonical(text)));
  }

  Staged stage(const std::shared_ptr<const Resource>& resource, std::vector<Named> named) {
    for (const Named& each : named)
      if (auto why = unavailable(*resource, each)) {
        refuse(*resource, each, std::move(*why));
        return {resource, resource, std::move(named)};
      }
    const auto known = stage_.staged_.find(resource->key);
    const auto same = [](const Named& a, const Named& b) { return a.pointer == b.pointer && a.digest == b.digest; };
    Staged staged{resource, nullptr, std::move(named)};
    if (known != stage_.staged_.end() && known->second.source == resource && known->second.result != resource &&
        std::ranges::equal(known->second.named, staged.named, same)) {
      staged.result = known->second.result;
    } else {
      staged.result = stage_.with_digests(*resource, staged.named);
    }
    next().resources.set(resource->key, staged.result);
    return staged;
  }

  // Why the document cannot be used; nothing: it is among the Documents.
  std::optional<std::string> unavailable(const Resource& resource, const Named& named) {
    if (!named.url.empty()) return not_fetched(named);
    if (named.path.empty()) return {};
    if (named.digest.empty()) {
      std::vector<std::string> paths;
      for (const auto& [path, digest] : files_) paths.push_back(path);
      return fmt::format("there is no file {} with an OpenAPI document or a SOPS file in the source{}",
                         printable(named.path), did_you_mean(named.path, paths));
    }
    const auto pinned = text_at(resource.spec, named.pointer + "/sha256");
    if (pinned && *pinned != named.digest)
      return fmt::format("{} has the SHA-256 {}, and is pinned to {}", named.path, named.digest, *pinned);
    if (stage_.documents_.has(named.digest)) return {};
    const auto changed = std::ranges::find(delta_.changed, named.path, &SourceFile::path);
    const auto content = changed != delta_.changed.end() ? changed->content : read_ ? read_(named.path) : nullptr;
    if (content == nullptr) return fmt::format("{} cannot be read", named.path);
    if (sha256(*content) != named.digest) return fmt::format("{} changes while it is read", named.path);
    stage_.documents_.put(content);
    return {};
  }

  std::optional<std::string> not_fetched(const Named& named) {
    if (stage_.documents_.has(named.digest)) return {};
    // Several models may name one.
    if (stage_.missing_.contains(named.digest)) return "the document cannot be had; see the other that names it";
    auto content = stage_.urls_.get(named.url, named.digest);
    if (!content) {
      stage_.missing_.emplace(named.digest, Missing{named.url, content.error().fault});
      return std::move(content).error().message;
    }
    stage_.documents_.put(std::move(*content));
    return {};
  }

  void refuse(const Resource& resource, const Named& named, std::string why) {
    const std::string pointer = "/spec" + named.pointer + (named.url.empty() ? "/file" : "/url");
    Diagnostic diagnostic{Severity::error, resource.at, pointer, std::move(why)};
    if (const auto content = read_ ? read_(resource.at.file) : nullptr) {
      const auto places = manifest::positions(resource, *content);
      if (const auto place = places.find(pointer); place != places.end()) diagnostic.at = place->second;
    }
    next().diagnostics.push_back(std::move(diagnostic));
    next().held.insert(resource.key);
  }

  void hold_referrers() {
    if (next_->held == before_->held) return;
    std::deque<ResourceKey> open;
    std::ranges::set_difference(next_->held, before_->held, std::back_inserter(open));
    for (; !open.empty(); open.pop_front()) {
      const auto referrers = next_->referrers.find(open.front());
      if (referrers == next_->referrers.end()) continue;
      for (const ResourceKey& referrer : referrers->second) {
        if (!next_->held.insert(referrer).second) continue;
        open.push_back(referrer);
        next_->diagnostics.push_back(
            {Severity::warning, next_->resources.at(referrer)->at, "",
             fmt::format("{} is held, because it refers to {}, which is", referrer, open.front())});
      }
    }
  }

  Snapshot& next() {
    if (next_ == nullptr) next_ = std::make_shared<Snapshot>(*before_);
    return *next_;
  }

  DocumentStage& stage_;
  std::shared_ptr<const Snapshot> before_;
  const std::map<std::string, std::string>& files_;
  const TreeDelta& delta_;
  const ReadFile& read_;
  std::shared_ptr<Snapshot> next_;
};

std::shared_ptr<const Snapshot> DocumentStage::take(std::shared_ptr<const Snapshot> snapshot,
                                                    const std::map<std::string, std::string>& files,
                                                    const TreeDelta& delta, const ReadFile& read) {
  auto staged = Pass(*this, std::move(snapshot), files, delta, read).run();
  const auto named = documents_named_in(*staged);
  std::erase_if(about_, [&](const auto& each) { return !named.contains(each.first); });
  return staged;
}

bool DocumentStage::waits() const {
  return std::ranges::any_of(missing_, [](const auto& each) {
    return each.second.why == Fault::unavailable || each.second.why == Fault::timeout;
  });
}

bool DocumentStage::ask_again() {
  if (missing_.empty() || clock_.steady() < ask_after_) return false;
  bool any = false;
  urls_.allow(kAskingAgain);
  for (const auto& [digest, missing] : missing_) {
    auto content = urls_.get(missing.url, digest);
    if (!content) continue;  // told already, and asked for again the next time
    documents_.put(std::move(*content));
    any = true;
  }
  pause_ = any ? Duration{} : std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  ask_after_ = clock_.steady() + pause_;
  return any;
}

DocumentStage::About DocumentStage::about(const std::string& digest) {
  if (const auto known = about_.find(digest); known != about_.end()) return known->second;
  About about;
  if (const auto content = documents_.get(digest)) {
    if (const auto document = manifest::parse_document(**content))
      about = {text_at(*document, "/info/title").value_or(""), text_at(*document, "/info/version").value_or(""),
               count_operations(*document)};
  }
  return about_.emplace(digest, std::move(about)).first->second;
}

std::shared_ptr<const Resource> DocumentStage::with_digests(const Resource& resource, const std::vector<Named>& named) {
  Resource next = resource;
  std::string text = resource.digest;
  for (const Named& each : named) {
    text += "\n" + each.digest;
    Object& object = next.spec.at_pointer(each.pointer).as_object();
    object["sha256"] = each.digest;
    if (each.pointer != "/document") continue;
    const About known = about(each.digest);
    object["title"] = known.title;
    object["version"] = known.version;
    object["operations"] = known.operations;
  }
  next.digest = sha256(text);
  return std::make_shared<const Resource>(std::move(next));
}

std::set<std::string> documents_named_in(const Snapshot& snapshot) {
  std::set<std::string> digests;
  for (const std::string_view kind : kKinds)
    each_of_kind(snapshot, std::string(kind),
                 [&](const Resource& resource) { digests.merge(runtime::documents_named_in(resource.spec)); });
  return digests;
}

}  // namespace plumb::app
