#pragma once

#include <memory>
#include <string>

#include "controller/base/result.h"

namespace plumb {

// Files of the source that manifests name and that are no manifests: OpenAPI documents, SOPS files. By the SHA-256 of
// their content, so that what was planned is what is used. Thread-safe.
class DocumentStore {
 public:
  using Content = std::shared_ptr<const std::string>;
  virtual ~DocumentStore() = default;
  // The digest under which it can be had.
  virtual std::string put(Content content) = 0;
  // Fault::not_found if nobody has put it.
  virtual Result<Content> get(const std::string& digest) = 0;
};

}  // namespace plumb
