#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/resource.h"

namespace plumb::manifest {

// The reference rules, taken apart once.
class References {
 public:
  explicit References(const std::vector<ReferenceRule>& rules);

  // Calls `found` with each reference of the resource: who is meant, and the pointer of the name.
  using Found = std::function<void(const ResourceKey& target, const std::string& pointer)>;
  void visit(const Resource& resource, const Found& found) const;

 private:
  struct Rule {
    std::vector<std::string> path;  // below /spec
    std::string target_kind;        // empty: the member `kind` beside the name, else ADUser
  };
  std::map<std::string, std::vector<Rule>, std::less<>> rules_;  // by kind
};

}  // namespace plumb::manifest
