#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "controller/app/document_fetch.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/ports/document_store.h"

namespace plumb::app {

// Documents that manifests name by URL, pinned by their SHA-256. Each is fetched once and kept in a folder under its
// digest; what is there is not asked for again, whatever its URL has to say by then. One caller at a time.
class UrlDocuments {
 public:
  enum class Use {
    look,   // what is kept; others are not looked at, which is no error
    fetch,  // what is not kept is fetched
  };
  // `folder`: made when there is something to keep.
  UrlDocuments(std::filesystem::path folder, std::vector<std::string> egress, Use use);

  Use use() const { return use_; }
  // What is asked for from here on takes at most so long in all; what comes later fails at once.
  void allow(Duration all);
  // Fault::not_found where it is neither kept nor fetched; Fault::denied if it has another digest.
  Result<DocumentStore::Content> get(const std::string& url, const std::string& sha256);
  // Of the documents that are kept, those that are not in use for a week go.
  void tidy(const std::set<std::string>& in_use) const;

 private:
  DocumentStore::Content kept(const std::string& digest) const;
  Result<void> keep(const std::string& digest, const std::string& content) const;

  std::filesystem::path folder_;
  Use use_;
  DocumentFetch fetch_;
  RealClock clock_;
  SteadyTime until_{};
};

}  // namespace plumb::app
