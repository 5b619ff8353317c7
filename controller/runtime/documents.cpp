#include "controller/runtime/documents.h"

#include <utility>

#include "controller/base/digest.h"

namespace plumb::runtime {

std::string Documents::put(Content content) {
  std::string digest = sha256(*content);
  held_.with([&](Held& held) { held.contents.emplace(digest, std::move(content)); });
  return digest;
}

Result<DocumentStore::Content> Documents::get(const std::string& digest) {
  const Content found = held_.with([&](const Held& held) -> Content {
    const auto known = held.contents.find(digest);
    return known == held.contents.end() ? nullptr : known->second;
  });
  if (found == nullptr) return fail(Fault::not_found, "there is no document of SHA-256 {}", digest);
  return found;
}

bool Documents::has(const std::string& digest) const {
  return held_.with([&](const Held& held) { return held.contents.contains(digest); });
}

void Documents::drop_unused(Held& held) {
  std::erase_if(held.contents, [&](const auto& each) {
    return !held.declared.contains(each.first) && !held.applied.contains(each.first);
  });
}

void Documents::declared(std::set<std::string> digests) {
  held_.with([&](Held& held) {
    held.declared = std::move(digests);
    drop_unused(held);
  });
}

// Only remembered: what is being applied may have been put a moment ago.
void Documents::applied(std::set<std::string> digests) {
  held_.with([&](Held& held) { held.applied = std::move(digests); });
}

std::size_t Documents::size() const {
  return held_.with([](const Held& held) { return held.contents.size(); });
}

namespace {

void add_named(const Value& value, std::set<std::string>& to) {
  if (const auto* array = value.if_array())
    for (const Value& item : *array) add_named(item, to);
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [name, member] : *object) {
    if (name == "advanced") continue;  // free JSON
    if (name == "sops")
      if (auto digest = text_at(member, "/sha256")) to.insert(std::move(*digest));
    add_named(member, to);
  }
}

}  // namespace

std::set<std::string> documents_named_in(const Value& spec) {
  std::set<std::string> digests;
  if (auto digest = text_at(spec, "/document/sha256")) digests.insert(std::move(*digest));
  const auto* object = spec.if_object();
  if (object != nullptr && !object->contains("document")) add_named(spec, digests);
  return digests;
}

}  // namespace plumb::runtime
