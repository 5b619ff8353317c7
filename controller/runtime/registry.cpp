#include "controller/runtime/registry.h"

#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/openapi/model.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kKinds[] = {"Connector",   "Credential",       "GatewayConfiguration",
                                       "Integration", "IntegrationModel", "RoleBinding"};
constexpr std::string_view kModel = "IntegrationModel";
constexpr std::string_view kDocuments = "runtime/document/";

std::string place_of(const ResourceKey& key) { return fmt::format("runtime/{}", key); }

struct Record {
  std::shared_ptr<const Registered> registered;
  std::string operation;
};

StateStore::Put put_of(const Registered& object, const std::string& operation) {
  Object json{{"spec", object.spec},
              {"digest", object.digest},
              {"revision", object.revision},
              {"applied", format_time(object.applied)}};
  if (!operation.empty()) json["operation"] = operation;
  return {place_of(object.key), canonical(json)};
}

Result<Record> read_record(const StateStore::Item& item) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 1024;
  const Value json = boost::json::parse(item.value, error, {}, options);
  const Value* const spec = error ? nullptr : at(json, "/spec");
  if (spec == nullptr) return fail(Fault::invalid, "{} in the state store cannot be read", item.key);
  auto object = std::make_shared<Registered>();
  object->key = parse_key(std::string_view(item.key).substr(std::string_view("runtime/").size()));
  if (object->key.kind.empty()) return fail(Fault::invalid, "{} in the state store names no object", item.key);
  object->spec = *spec;
  object->digest = text_at(json, "/digest").value_or("");
  object->revision = text_at(json, "/revision").value_or("");
  object->applied = parse_time(text_at(json, "/applied").value_or("")).value_or(SystemTime{});
  if (object->digest != sha256(canonical(object->spec)))
    return fail(Fault::invalid, "{} in the state store is damaged: its digest is another one", item.key);
  return Record{std::move(object), text_at(json, "/operation").value_or("")};
}

std::set<std::string> documents_of(const RegistryView& view) {
  std::set<std::string> digests;
  for (const auto& [key, object] : view.objects) digests.merge(documents_named_in(object->spec));
  return digests;
}

}  // namespace

Result<std::map<ResourceKey, std::shared_ptr<const Registered>>> read_applied(StateStore& store,
                                                                              std::string_view kind) {
  PLUMB_TRY(const auto items, store.list(fmt::format("runtime/{}/", kind)));
  std::map<ResourceKey, std::shared_ptr<const Registered>> all;
  for (const StateStore::Item& item : items) {
    PLUMB_TRY(Record record, read_record(item));
    all.emplace(record.registered->key, std::move(record.registered));
  }
  return all;
}

Result<std::unique_ptr<Registry>> Registry::open(Parts parts) {
  std::unique_ptr<Registry> registry(new Registry(std::move(parts)));
  PLUMB_CHECK(registry->load());
  return registry;
}

Result<void> Registry::load() {
  PLUMB_TRY(auto documents, parts_.store.list(kDocuments));
  for (StateStore::Item& item : documents) {
    const std::string named = item.key.substr(kDocuments.size());
    // What is not what it is named after is no document of ours: the model that names it says that it is gone.
    if (parts_.documents.put(std::make_shared<const std::string>(std::move(item.value))) == named)
      stored_.insert(named);
  }
  auto view = std::make_shared<RegistryView>();
  for (const std::string_view kind : kKinds) {
    PLUMB_TRY(const auto items, parts_.store.list(fmt::format("runtime/{}/", kind)));
    for (const StateStore::Item& item : items) {
      PLUMB_TRY(Record record, read_record(item));
      if (!record.operation.empty()) operations_[record.registered->key] = std::move(record.operation);
      view->objects.emplace(record.registered->key, std::move(record.registered));
    }
  }
  parts_.documents.applied(documents_of(*view));
  compile_models(*view);
  publish(std::move(view));
  return {};
}

// The documents that are named once the writes are done.
Result<std::set<std::string>> Registry::check(std::span<const Write> writes, const RegistryView& now) const {
  for (const Write& write : writes) {
    const Registered* there = now.find(write.key);
    const std::string digest = there == nullptr ? "" : there->digest;
    if (digest != write.expected)
      return fail(Fault::conflict, "{} {}", write.key,
                  digest.empty()           ? "is not in use any more"
                  : write.expected.empty() ? "is in use already"
                                           : "was changed since");
    if (!write.spec) continue;
    for (const std::string& document : documents_named_in(*write.spec))
      if (!parts_.documents.has(document))
        return fail(Fault::conflict,
                    "{} names a document of SHA-256 {}, whose content is not in the manifests any more", write.key,
                    document);
  }
  RegistryView then{now.objects, {}};
  for (const Write& write : writes) {
    then.objects.erase(write.key);
    if (!write.spec) continue;
    auto object = std::make_shared<Registered>();
    object->spec = *write.spec;
    then.objects.emplace(write.key, std::move(object));
  }
  return documents_of(then);
}

Result<void> Registry::apply(std::span<const Write> writes) {
  const auto now = view();
  PLUMB_TRY(const std::set<std::string> named, check(writes, *now));
  auto next = std::make_shared<RegistryView>(*now);
  std::map<ResourceKey, std::string> operations = operations_;
  std::vector<StateStore::Put> puts;
  for (const Write& write : writes) {
    next->objects.erase(write.key);
    if (!write.spec) {
      operations.erase(write.key);
      puts.push_back({place_of(write.key), std::nullopt});
      continue;
    }
    auto object = std::make_shared<Registered>(
        Registered{write.key, *write.spec, sha256(canonical(*write.spec)), write.revision, parts_.clock.now()});
    if (!write.operation.empty()) operations[write.key] = write.operation;
    const auto operation = operations.find(write.key);
    puts.push_back(put_of(*object, operation == operations.end() ? "" : operation->second));
    next->objects.emplace(write.key, std::move(object));
  }
  for (const std::string& digest : named) {
    if (stored_.contains(digest)) continue;
    PLUMB_TRY(const auto content, parts_.documents.get(digest));
    puts.push_back({std::string(kDocuments) + digest, *content});
  }
  for (const std::string& digest : stored_)
    if (!named.contains(digest)) puts.push_back({std::string(kDocuments) + digest, std::nullopt});
  PLUMB_CHECK(parts_.store.commit(puts));
  operations_ = std::move(operations);
  stored_ = named;
  parts_.documents.applied(named);
  compile_models(*next);
  publish(std::move(next));
  return {};
}

Registry::Compiled Registry::compile(const std::string& digest) const {
  const auto content = parts_.documents.get(digest);
  if (!content) return {nullptr, "its document cannot be had: " + content.error().message};
  const auto document = parts_.read_document(**content);
  if (!document) return {nullptr, "its document cannot be read: " + document.error().message};
  openapi::Parsed parsed = openapi::parse_model(*document);
  if (parsed.model) {
    auto model = std::make_shared<const openapi::Model>(std::move(*parsed.model));
    return {std::make_shared<const openapi::Operations>(std::move(model)), ""};
  }
  for (const Diagnostic& each : parsed.diagnostics)
    if (each.severity == Severity::error)
      return {nullptr, fmt::format("its document cannot be used: {}: {}", each.path, each.message)};
  return {nullptr, "its document cannot be used"};
}

// Each document once, however many models name it and however often they are applied.
void Registry::compile_models(RegistryView& view) {
  view.models.clear();
  std::map<ResourceKey, std::string> problems;
  std::map<std::string, Compiled> used;
  for (auto each = view.objects.lower_bound({std::string(kModel), "", ""});
       each != view.objects.end() && each->first.kind == kModel; ++each) {
    const std::string digest = text_at(each->second->spec, "/document/sha256").value_or("");
    auto known = used.find(digest);
    if (known == used.end()) {
      const auto before = compiled_.find(digest);
      const bool good = before != compiled_.end() && before->second.operations != nullptr;
      known = used.emplace(digest, good ? before->second : compile(digest)).first;
    }
    if (known->second.operations != nullptr) view.models.emplace(each->first, known->second.operations);
    if (!known->second.problem.empty()) problems.emplace(each->first, known->second.problem);
  }
  compiled_ = std::move(used);
  const std::scoped_lock lock(mutex_);
  problems_ = std::move(problems);
}

void Registry::publish(std::shared_ptr<const RegistryView> view) {
  std::vector<std::function<void(std::shared_ptr<const RegistryView>)>> told;
  {
    const std::scoped_lock lock(mutex_);
    view_ = view;
    told = told_;
  }
  for (const auto& each : told) each(view);
}

std::shared_ptr<const RegistryView> Registry::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

void Registry::subscribe(std::function<void(std::shared_ptr<const RegistryView>)> told) {
  std::shared_ptr<const RegistryView> now;
  {
    const std::scoped_lock lock(mutex_);
    told_.push_back(told);
    now = view_;
  }
  told(std::move(now));
}

std::string Registry::problem(const ResourceKey& model) const {
  const std::scoped_lock lock(mutex_);
  const auto found = problems_.find(model);
  return found == problems_.end() ? "" : found->second;
}

std::string Registry::operation(const ResourceKey& key) const {
  const auto found = operations_.find(key);
  return found == operations_.end() ? "" : found->second;
}

}  // namespace plumb::runtime
