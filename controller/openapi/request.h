#pragma once

#include <string>
#include <vector>

#include "controller/model/value.h"
#include "controller/openapi/model.h"
#include "controller/schema/registry.h"

namespace plumb::openapi {

// What a caller gives an operation.
struct Arguments {
  // Name -> value. A name that several places use (path and query) is told apart as "path.id", "query.id".
  Object parameters{};
  Value body{};  // absent: null, and has_body false
  bool has_body = false;
  std::string media_type{};  // of the body; empty: the first that the operation takes
};

// A call as the model forms it: without server, authentication and proxy.
struct Prepared {
  std::string method;
  std::string path;   // "/pets/7": percent-encoded, without the base path
  std::string query;  // "limit=3&tag=a": percent-encoded; may be empty
  std::vector<std::pair<std::string, std::string>> headers{};
  std::vector<std::pair<std::string, std::string>> cookies{};
  std::string body{};
  std::string content_type{};  // empty: no body
};

// Checks all arguments against the model and forms the call. Problems are all that is wrong, each at its pointer
// ("/parameters/limit", "/body/name"): unknown names (with "did you mean"), missing ones, wrong types.
// An argument that is null is one that is not given. Thread-safe; schemas are compiled at first use and kept for each
// operation, but for those that are large or refer to themselves: of these, what concerns the value is, at each call.
class Operations {
 public:
  explicit Operations(std::shared_ptr<const Model> model);
  ~Operations();
  const Model& model() const;
  tl::expected<Prepared, std::vector<schema::Problem>> prepare(const Operation& operation,
                                                               const Arguments& arguments) const;
  // What a text on a command line stands for as the value of that parameter: the text itself where the model takes one,
  // else the JSON that it is.
  Value from_text(const Operation& operation, std::string_view parameter, const std::string& text) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// JSON Schema of the arguments of an operation, for forms and for editors: {parameters: {...}, body: {...}}.
Value arguments_schema(const Operation& operation);

}  // namespace plumb::openapi
