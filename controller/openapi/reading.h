#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "controller/openapi/document.h"
#include "controller/openapi/model.h"

// One run of parse_model, and its parts. For the files of this folder.
namespace plumb::openapi {

class Reading {
 public:
  explicit Reading(const Value& document) : document_(document), dialect_(dialect_of(document)) {}

  const Value& document() const { return document_; }
  Dialect dialect() const { return dialect_; }

  template <class... Args>
  void error(const std::string& pointer, fmt::format_string<Args...> format, Args&&... args) {
    say(Severity::error, pointer, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(const std::string& pointer, fmt::format_string<Args...> format, Args&&... args) {
    say(Severity::warning, pointer, fmt::format(format, std::forward<Args>(args)...));
  }
  Diagnostics take_diagnostics() { return std::move(diagnostics_); }
  bool has_failed() const { return errors_ > 0; }
  bool has_room() const { return diagnostics_.size() < kMaxDiagnostics; }

  // What the node refers to, or itself. Null, with an error, where that is nothing.
  Node follow(const Node& node);
  // The schema as a Parameter or MediaType keeps it, noted for check_schemas(): a copy of a small one, a reference to a
  // large one.
  Value take_schema(const Node& schema);
  // A copy that counts: many operations may share what is large.
  Value copy(const Value& value);
  bool spend(std::size_t bytes, const std::string& pointer);
  // Everything that the schemas taken so far reach: references lead somewhere, not in a circle without a value in
  // between, and not to more alternatives than can be tried. schema_check.cpp
  void check_schemas();

 private:
  static constexpr std::size_t kMaxDiagnostics = 500;

  void say(Severity severity, const std::string& pointer, std::string message);

  const Value& document_;
  Dialect dialect_;
  Diagnostics diagnostics_;
  std::size_t errors_ = 0;
  std::size_t spent_ = 0;
  bool overspent_ = false;
  std::vector<Node> schemas_;
  std::unordered_set<const Value*> seen_;
};

// Each reports what is wrong and gives what is left; nothing, where nothing is.
// `body_too`: it may be "in: body", as the parameters of requests for tokens and keys may.
std::optional<Parameter> read_parameter(Reading& reading, const Node& node, bool body_too = false);
// Of a path item or an operation; 2.0's body and formData are left out.
std::vector<Parameter> read_parameters(Reading& reading, const Node& list);
std::optional<Body> read_body(Reading& reading, const Node& node);
std::vector<Server> read_servers(Reading& reading, const Node& list);
std::vector<SecurityScheme> read_schemes(Reading& reading);
// Alternatives of a `security` member; unknown schemes are errors.
std::vector<std::vector<std::string>> read_security(Reading& reading, const Node& list,
                                                    const std::vector<SecurityScheme>& schemes);
// The members of a path template, in order.
std::vector<std::string> template_names(Reading& reading, std::string_view path, const std::string& pointer);

// Swagger 2.0. swagger2.cpp
std::vector<Server> servers_of_swagger2(Reading& reading, const Node& schemes);
std::optional<Parameter> parameter_of_swagger2(Reading& reading, const Node& node);
// Made from the body and formData parameters of both lists.
std::optional<Body> body_of_swagger2(Reading& reading, const Node& operation, const Node& path_item);
SecurityScheme scheme_of_swagger2(Reading& reading, const std::string& name, const Node& node);

// For the names of headers and cookies, and of media types (RFC 9110, 5.6.2).
bool is_token(std::string_view text);
bool is_media_type(std::string_view text);
// A header that the program sets itself, or that could make another request of this one: no operation may have it.
bool is_forbidden_header(std::string_view name);

}  // namespace plumb::openapi
