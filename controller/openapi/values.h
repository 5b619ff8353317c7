#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/openapi/model.h"
#include "controller/schema/registry.h"

// What request.cpp and body.cpp share. For the files of this folder.
namespace plumb::openapi {

// What values of one schema are held against: compiled at first use. Thread-safe.
class Check {
 public:
  // `document` is what references are into; both outlive the check.
  Check(const Value& document, const Value& schema) : document_(document), schema_(schema) {}
  // `wide`: somewhere in the value is a list or mapping too large for its parts to be compared with each other.
  std::vector<schema::Problem> check(const Value& value, bool wide) const;
  std::size_t weight() const { return weight_; }  // values of the compiled schema

 private:
  void compile() const;
  std::vector<schema::Problem> check_along(const Value& value) const;

  const Value& document_;
  const Value& schema_;
  mutable std::once_flag once_;
  mutable std::optional<schema::DocumentSchema> compiled_;  // nothing: each value along the schema
  mutable std::atomic<std::size_t> weight_ = 0;
};

using Problems = std::vector<schema::Problem>;

// The media type that the caller wants, or the first: the entry, and the type without ranges ("*/*"). Null, with a
// problem, where there is none.
struct Chosen {
  const MediaType* media = nullptr;
  std::string type{};
};
Chosen choose_media_type(const Body& body, const std::string& wanted, const Value& value, Problems& problems);
// Whether values of the type are held against the schema; else they are texts that are sent as they are.
bool is_structured(std::string_view type);

struct Written {
  std::string bytes, content_type;
};
Written write_body(const Value& document, const Chosen& chosen, const Value& value, Problems& problems);

}  // namespace plumb::openapi
