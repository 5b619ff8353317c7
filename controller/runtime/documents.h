#pragma once

#include <map>
#include <set>
#include <string>

#include "controller/base/synchronized.h"
#include "controller/model/value.h"
#include "controller/ports/document_store.h"

namespace plumb::runtime {

// The documents of this process, in memory. What nobody names any more is dropped: neither the manifests (`declared`),
// nor what was applied (`applied`, which the Registry keeps in the state). What is put stays until `declared` is told
// the next time. Thread-safe.
class Documents final : public DocumentStore {
 public:
  std::string put(Content content) override;
  Result<Content> get(const std::string& digest) override;
  // Whether it can be had, without an error where it cannot.
  bool has(const std::string& digest) const;

  void declared(std::set<std::string> digests);
  void applied(std::set<std::string> digests);
  std::size_t size() const;

 private:
  struct Held {
    std::map<std::string, Content> contents;
    std::set<std::string> declared, applied;
  };
  static void drop_unused(Held& held);

  Synchronized<Held> held_;
};

// The digests of the documents that a spec names: the model's, and those of SOPS files.
std::set<std::string> documents_named_in(const Value& spec);

}  // namespace plumb::runtime
